/**
 * Makes a value and all it holds unchangeable, so that a job that changes a record after it was emitted, or a value after it was stored,
 * throws at that line. Plain objects and arrays only: bytes, maps, sets and dates cannot be frozen.
 */
export function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value
  const holder = Array.isArray(value) || isPlain(value)
  if (!holder) return value
  Object.freeze(value)
  for (const key of Object.keys(value)) deepFreeze((value as Record<string, unknown>)[key])
  return value
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}
