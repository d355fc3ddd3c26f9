/** How a column is encoded: the first integer of its head. */
export const COLUMN = {
  /** One value after another, by the value codec: what has no better form. */
  VALUES: 0,
  CONSTANT: 1,
  INT32: 2,
  DISTANCE: 3,
  FLOAT64: 4,
  BOOLEANS: 5,
  TEXTS: 6,
  DICTIONARY: 7,
} as const
