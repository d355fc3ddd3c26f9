/// <reference lib="es2024.string" />

/** Whether a string is Unicode text. JSON can bring in what is not: `"\ud800"`, half of a character. No key can hold that. */
export function isWellFormed(text: string): boolean {
  return text.isWellFormed()
}
