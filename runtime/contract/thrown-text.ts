/** What was thrown, as text: anything may be thrown, and its own `toJSON` and `toString` may throw in turn. Never throws. */
export function thrownText(thrown: unknown): string {
  if (typeof thrown === 'string') return thrown
  try {
    const text = JSON.stringify(thrown) as string | undefined
    if (text !== undefined) return text
  } catch {
    // A bigint, or a circle.
  }
  try {
    return String(thrown)
  } catch {
    return 'a value that cannot be shown as text'
  }
}
