import fc from 'fast-check'

const text = fc.oneof(
  fc.string({ maxLength: 5 }),
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.string({ unit: fc.constantFrom('a', 'é', '日', '😀', '\ud800', '\udfff'), minLength: 50, maxLength: 80 }),
)

/** Field names, the hostile ones among them. */
const name = fc.oneof(text, fc.constantFrom('__proto__', 'constructor', 'toString', 'length', '', '0', '10', 'a', 'b'))

function objectOf(fields: readonly (readonly [string, unknown])[], bare: boolean): object {
  const object = bare ? (Object.create(null) as object) : {}
  for (const [key, value] of fields) {
    Object.defineProperty(object, key, { value, configurable: true, enumerable: true, writable: true })
  }
  return object
}

/** Values of the whole listed set. */
export const anyValue: fc.Arbitrary<unknown> = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.constantFrom<unknown>(undefined, null, true, false, -0, NaN, Infinity, -Infinity),
    fc.double(),
    fc.integer(),
    fc.maxSafeInteger(),
    fc.integer({ min: -40, max: 140 }),
    fc.bigInt(),
    fc.bigInt({ min: -(1n << 70n), max: 1n << 70n }),
    text,
    fc.uint8Array({ maxLength: 200 }),
    fc.date({ noInvalidDate: false }),
    fc.array(tie('value'), { maxLength: 20 }),
    fc.tuple(fc.array(fc.tuple(name, tie('value')), { maxLength: 18 }), fc.boolean()).map((of) => objectOf(...of)),
    fc.array(fc.tuple(tie('value'), tie('value')), { maxLength: 4 }).map((entries) => new Map(entries)),
    fc.array(tie('value'), { maxLength: 4 }).map((elements) => new Set(elements)),
  ),
})).value

/** Equality of values, written without the codec: types, order of keys, -0 and NaN count. */
export function sameValue(left: unknown, right: unknown): boolean {
  if (typeof left !== 'object' || left === null || typeof right !== 'object' || right === null)
    return Object.is(left, right)
  if (Object.getPrototypeOf(left) !== Object.getPrototypeOf(right)) return false
  if (left instanceof Date) return Object.is(left.getTime(), (right as Date).getTime())
  if (left instanceof Uint8Array) return Buffer.compare(left, right as Uint8Array) === 0
  if (left instanceof Map || left instanceof Set) return sameList([...left], [...(right as Iterable<unknown>)])
  return sameList(Object.entries(left).flat(), Object.entries(right).flat())
}

function sameList(left: readonly unknown[], right: readonly unknown[]): boolean {
  return left.length === right.length && left.every((element, i) => sameValue(element, right[i]))
}
