import type { Key } from '../contract/key.js'

/** Entry `id` is slot `id & PAGE_MASK` of page `id >>> PAGE_BITS`. */
export const PAGE_BITS = 9
/** Slots of a page. */
export const PAGE_SIZE: number = 1 << PAGE_BITS
/** The bits of an id that are its slot. */
export const PAGE_MASK: number = PAGE_SIZE - 1

/** A page, as one sees it who only wants the keys; undefined in free slots. */
export interface KeyColumn {
  readonly keys: readonly (Key | undefined)[]
}
