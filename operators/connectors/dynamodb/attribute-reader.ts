import type { AttributeValue } from '@aws-sdk/client-dynamodb'

/** A value of an item in JavaScript: sets are arrays, binary values bytes. */
export type PlainValue =
  | string
  | number
  | bigint
  | boolean
  | null
  | Uint8Array
  | readonly PlainValue[]
  | { readonly [name: string]: PlainValue }

/** An item in JavaScript. */
export type PlainItem = Readonly<Record<string, PlainValue>>

/**
 * How numbers, which have up to 38 digits in DynamoDB, come: `number`, the nearest double; `string`, as they are written; `exact`, a
 * double where that has all of the digits, else a bigint, or a string where there is a fraction.
 */
export type NumberForm = 'number' | 'string' | 'exact'

/** Attribute values as plain values. */
export interface AttributeReader {
  /** Throws a RangeError whose message says where what is no value of DynamoDB stands. */
  item(attributes: Readonly<Record<string, unknown>>): PlainItem
}

/** The types as the SDK has them, or as they are in JSON, where binary values are Base64. */
type Attribute = AttributeValue | Readonly<Record<string, unknown>>

const NUMBER = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/

/** Makes the reader. */
export function attributeReader(numbers: NumberForm): AttributeReader {
  const numberOf = NUMBERS[numbers]
  const read = (attribute: Attribute | null, at: string): PlainValue => {
    const types = attribute !== null && typeof attribute === 'object' ? Object.keys(attribute) : []
    const [type] = types
    if (type === undefined || types.length > 1) throw new RangeError(`${at} is no attribute value`)
    const value = (attribute as Record<string, unknown>)[type]
    switch (type) {
      case 'S':
        return text(value, `${at}.S`)
      case 'N':
        return numberOf(digits(value, `${at}.N`))
      case 'B':
        return bytes(value, `${at}.B`)
      case 'BOOL':
        if (typeof value === 'boolean') return value
        break
      case 'NULL':
        if (value === true) return null
        break
      case 'SS':
        return list(value, `${at}.SS`).map((one, i) => text(one, `${at}.SS[${i}]`))
      case 'NS':
        return list(value, `${at}.NS`).map((one, i) => numberOf(digits(one, `${at}.NS[${i}]`)))
      case 'BS':
        return list(value, `${at}.BS`).map((one, i) => bytes(one, `${at}.BS[${i}]`))
      case 'L':
        return list(value, `${at}.L`).map((one, i) => read(one as Attribute, `${at}.L[${i}]`))
      case 'M':
        return map(value, `${at}.M`)
    }
    throw new RangeError(`${at} is no attribute value`)
  }
  const map = (value: unknown, at: string): PlainItem => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new RangeError(`${at} is no map`)
    const entries = Object.entries(value).map(([name, one]) => [name, read(one as Attribute, `${at}.${name}`)] as const)
    return Object.fromEntries(entries)
  }
  return { item: (attributes) => map(attributes, 'item') }
}

const NUMBERS: Readonly<Record<NumberForm, (text: string) => number | bigint | string>> = {
  number: (text) => Number(text),
  string: (text) => text,
  exact(text) {
    const double = Number(text)
    if (canonical(String(double)) === canonical(text)) return double
    const [digits, exponent] = canonical(text).split('e') as [string, string]
    return Number(exponent) >= 0 ? BigInt(digits) * 10n ** BigInt(exponent) : text
  },
}

/** `-12.50` and `-1.25E1` are both `-125e-1`. */
function canonical(text: string): string {
  const [, sign = '', whole = '', fraction = '', exponent = '0'] =
    /^([+-]?)(\d*)\.?(\d*)(?:[eE]([+-]?\d+))?$/.exec(text) ?? []
  const written = (whole + fraction).replace(/^0+/, '')
  const significant = written.replace(/0+$/, '')
  if (significant === '') return '0e0'
  const power = Number(exponent) - fraction.length + (written.length - significant.length)
  return `${sign === '-' ? '-' : ''}${significant}e${power}`
}

function text(value: unknown, at: string): string {
  if (typeof value === 'string') return value
  throw new RangeError(`${at} is no string`)
}

function digits(value: unknown, at: string): string {
  if (typeof value === 'string' && NUMBER.test(value)) return value
  throw new RangeError(`${at} is no number`)
}

function bytes(value: unknown, at: string): Uint8Array {
  if (value instanceof Uint8Array) return value
  return Uint8Array.from(Buffer.from(text(value, at), 'base64'))
}

function list(value: unknown, at: string): readonly unknown[] {
  if (Array.isArray(value)) return value
  throw new RangeError(`${at} is no list`)
}
