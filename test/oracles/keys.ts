/** What records may be keyed by; written down again here, so that oracles share nothing with the engine. */
export type OracleKey = string | number | bigint | boolean | Uint8Array | readonly OracleKey[]

/**
 * A text that is equal for equal keys only: -0 is 0, 1 is neither 1n nor '1', a tuple is its parts in order. Oracles
 * group and sort by it, so no key can collide with another or with a property name.
 */
export function keyText(key: OracleKey): string {
  if (typeof key === 'string') return `s${key.length}:${key}`
  if (typeof key === 'number') return `n${key === 0 ? 0 : key};`
  if (typeof key === 'bigint') return `i${key};`
  if (typeof key === 'boolean') return key ? 't' : 'f'
  if (key instanceof Uint8Array) return `x${key.length}:${Array.from(key).join(',')};`
  return `(${key.map(keyText).join('')})`
}

/** Records by key, in order of first appearance; each group in the order given. */
export function groupByKey<R extends { readonly key: OracleKey }>(records: readonly R[]): R[][] {
  const groups = new Map<string, R[]>()
  for (const record of records) {
    const text = keyText(record.key)
    const group = groups.get(text)
    if (group === undefined) groups.set(text, [record])
    else group.push(record)
  }
  return [...groups.values()]
}
