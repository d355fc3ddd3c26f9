/** Whether a string has no lone surrogates: `String.prototype.isWellFormed`, which TypeScript's ES2023 does not declare. */
export function isWellFormed(text: string): boolean {
  return (text as unknown as { isWellFormed(): boolean }).isWellFormed()
}
