/*
 * The bytes of a value that crosses a thread or enters state. Each value is a tag and its content:
 *
 *   00..7f  the integer 0..127                 c0 undefined  c1 null  c2 false  c3 true
 *   80..9f  latin1 text of 0..31 characters    c4 i16  c5 i32  c6 i48  c7 f64
 *   a0..af  array of 0..15 elements            c8 latin1 (n bytes)  c9 UTF-8 (n bytes)  ca UTF-16 (n bytes)
 *   b0..bf  object of 0..15 fields             cb i64 bigint  cc bigint >= 0, cd < 0 (n magnitude bytes)
 *   e0..ff  the integer -32..-1                ce bytes (n)  cf date (f64 epoch milliseconds, NaN when invalid)
 *                                              d0 array (n)  d1 object (n)  d2 object without prototype (n)
 *                                              d3 map (n entries)  d4 set (n)
 *   n is a varint (LEB128); numbers are little-endian. An object is its keys (texts), then its values, in key order.
 *
 * One value has one encoding: the shortest number that keeps it exactly; text below 64 characters is latin1 where it
 * can be, else UTF-8, else (lone surrogates) UTF-16; longer text never latin1. Stored for ever: a change is a new version.
 */

/** Names this format in whatever stores it. A reader refuses versions it does not know. */
export const VALUE_CODEC: { readonly id: string; readonly version: number } = { id: 'millrace-value', version: 1 }

/** How deep values may nest; deeper ones are taken for a cycle. */
export const MAX_VALUE_DEPTH = 500

/** The first byte of an encoded value. Pinned: see `test/codec/value-vectors.json`. */
export const TAG = {
  TEXT: 0x80,
  ARRAY: 0xa0,
  OBJECT: 0xb0,
  UNDEFINED: 0xc0,
  NULL: 0xc1,
  FALSE: 0xc2,
  TRUE: 0xc3,
  INT16: 0xc4,
  INT32: 0xc5,
  INT48: 0xc6,
  FLOAT64: 0xc7,
  LATIN1: 0xc8,
  UTF8: 0xc9,
  UTF16: 0xca,
  BIGINT64: 0xcb,
  BIGINT_POSITIVE: 0xcc,
  BIGINT_NEGATIVE: 0xcd,
  BYTES: 0xce,
  DATE: 0xcf,
  LONG_ARRAY: 0xd0,
  LONG_OBJECT: 0xd1,
  BARE_OBJECT: 0xd2,
  MAP: 0xd3,
  SET: 0xd4,
  NEGATIVE: 0xe0,
} as const

/** Texts up to this many characters carry their length in the tag. */
export const SHORT_TEXT = 31
/** Texts of this many characters and more are never latin1. */
export const LONG_TEXT = 64
/** Arrays and objects up to this size carry it in the tag. */
export const SHORT_LIST = 15
