/** Slots of a shape table: a power of two. */
export const SHAPE_SLOTS = 256
/** Code is generated for a shape used this often: generating takes as long as some hundred uses. */
export const USES_TO_COMPILE = 100
/** Shapes a slot holds. Compiled ones stay longest; objects used as dictionaries push only each other out. */
const SLOT_SHAPES = 8
/** Objects with more keys than this are read and written key by key. */
const MAX_COMPILED_KEYS = 64

/** Adds a shape to its slot of a bounded table. */
export function addShape<S extends { readonly code: unknown }>(slots: S[][], slot: number, shape: S): void {
  const shapes = slots[slot]!
  if (shapes.length < SLOT_SHAPES) {
    shapes.push(shape)
    return
  }
  const compiled = shapes.filter((other) => other.code !== undefined)
  slots[slot] = compiled.length < SLOT_SHAPES ? [...compiled, shape] : [shape]
}

/** An empty table for {@link addShape}. */
export function shapeSlots<S>(): S[][] {
  return Array.from({ length: SHAPE_SLOTS }, () => [])
}

/**
 * A function from its parameters and body, which holds `keys` as JSON texts only; undefined for too many keys, or where
 * Node was started with `--disallow-code-generation-from-strings`.
 */
export function compile<F>(keys: readonly string[], parameters: readonly string[], body: string): F | undefined {
  if (keys.length > MAX_COMPILED_KEYS) return undefined
  try {
    // eslint-disable-next-line @typescript-eslint/no-implied-eval -- three times as fast as keyed access, and keys are quoted
    return new Function(...parameters, `'use strict'\n${body}`) as F
  } catch (error) {
    if (error instanceof EvalError) return undefined
    throw error
  }
}
