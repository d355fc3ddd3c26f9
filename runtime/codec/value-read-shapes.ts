/*
 * Objects whose tag and keys are the same bytes share a shape: their keys, already decoded, and after some use a generated
 * function that reads the values into an object literal, so that equal records come out with one hidden class.
 * Keys are self-delimiting, so equal bytes at the object's beginning are equal keys. The tables are bounded.
 */
import { addShape, compile, SHAPE_SLOTS, shapeSlots, USES_TO_COMPILE } from './shape-code.js'

/** What the generated code calls. */
export interface ValueSource {
  readValue(): unknown
}

/** The keys of some objects, in order, and how to read their values. */
export interface ReadShape {
  readonly keys: readonly string[]
  /** Tag and keys as they stand in the bytes. */
  readonly head: Uint8Array
  /** Reads the values in order into an object; undefined until the shape has been used enough. */
  code: ((source: ValueSource) => object) | undefined
  uses: number
}

/** The shapes one reader has met. */
export class ReadShapes {
  readonly #slots = shapeSlots<ReadShape>()

  /** The shape whose tag and keys stand at `at`, if it is known; its object has at least one field. */
  find(bytes: Uint8Array, at: number, to: number): ReadShape | undefined {
    const shapes = this.#slots[slotOf(bytes, at, to)]!
    for (let i = 0; i < shapes.length; i++) {
      const shape = shapes[i]!
      if (!startsWith(bytes, at, to, shape.head)) continue
      if (shape.uses < USES_TO_COMPILE && ++shape.uses === USES_TO_COMPILE) shape.code = compileRead(shape.keys)
      return shape
    }
    return undefined
  }

  /** Remembers a shape. */
  add(keys: readonly string[], head: Uint8Array): ReadShape {
    const shape: ReadShape = { keys, head, code: undefined, uses: 0 }
    if (head.length >= SLOT_BYTES) addShape(this.#slots, slotOf(head, 0, head.length), shape)
    return shape
  }
}

/** Only the first bytes tell the slot, since the head's end is not known. Shorter heads (one key, '') are not kept. */
const SLOT_BYTES = 3

function startsWith(bytes: Uint8Array, at: number, to: number, head: Uint8Array): boolean {
  const count = head.length
  if (count > to - at) return false
  for (let i = 0; i < count; i++) if (bytes[at + i] !== head[i]) return false
  return true
}

function slotOf(bytes: Uint8Array, at: number, to: number): number {
  if (to - at < SLOT_BYTES) return 0
  return (bytes[at]! * 31 + bytes[at + 1]! * 5 + bytes[at + 2]! * 7) & (SHAPE_SLOTS - 1)
}

function compileRead(keys: readonly string[]): ReadShape['code'] {
  // in brackets, so that __proto__ is a property like any other
  const fields = keys.map((key) => `[${JSON.stringify(key)}]: source.readValue()`)
  return compile(keys, ['source'], `return { ${fields.join(', ')} }`)
}
