/*
 * Objects with the same keys in the same order share a shape: their tag and keys, already encoded, and after some use a
 * generated function that writes the values without looking keys up. A shape only makes writing faster: the bytes are
 * the same with and without it. Tables are bounded, so objects used as dictionaries cannot fill memory.
 */
import { addShape, compile, SHAPE_SLOTS, shapeSlots, USES_TO_COMPILE } from './shape-code.js'

/** What the generated code calls. */
export interface ValueSink {
  put(value: unknown): void
}

/** The keys of some objects, in order, and how to write them. */
export interface WriteShape {
  readonly keys: readonly string[]
  readonly bare: boolean
  /** Tag and keys as they stand in the bytes. */
  readonly head: Uint8Array
  /** Puts the values in order; undefined until the shape has been used enough. */
  code: ((sink: ValueSink, value: object) => void) | undefined
  uses: number
}

/** The shapes one writer has met. */
export class WriteShapes {
  readonly #slots = shapeSlots<WriteShape>()

  /** The shape with exactly these keys, if it is known. */
  find(keys: readonly string[], bare: boolean): WriteShape | undefined {
    const shapes = this.#slots[slotOf(keys)]!
    for (let i = 0; i < shapes.length; i++) {
      const shape = shapes[i]!
      if (shape.bare !== bare || !sameKeys(shape.keys, keys)) continue
      if (shape.uses < USES_TO_COMPILE && ++shape.uses === USES_TO_COMPILE) shape.code = compileWrite(keys)
      return shape
    }
    return undefined
  }

  /** Remembers a shape. */
  add(keys: readonly string[], bare: boolean, head: Uint8Array): WriteShape {
    const shape: WriteShape = { keys, bare, head, code: undefined, uses: 0 }
    addShape(this.#slots, slotOf(keys), shape)
    return shape
  }
}

function sameKeys(left: readonly string[], right: readonly string[]): boolean {
  if (left.length !== right.length) return false
  for (let i = 0; i < left.length; i++) if (left[i] !== right[i]) return false
  return true
}

function slotOf(keys: readonly string[]): number {
  const count = keys.length
  if (count === 0) return 0
  const first = keys[0]!
  const last = keys[count - 1]!
  const letters = first.length === 0 || last.length === 0 ? 0 : first.charCodeAt(0) * 7 + last.charCodeAt(0)
  return (count * 31 + first.length * 5 + last.length * 3 + letters) & (SHAPE_SLOTS - 1)
}

function compileWrite(keys: readonly string[]): WriteShape['code'] {
  const puts = keys.map((key) => `sink.put(value[${JSON.stringify(key)}])`)
  return compile(keys, ['sink', 'value'], puts.join('\n'))
}
