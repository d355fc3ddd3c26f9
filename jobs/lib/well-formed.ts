/** Half of a surrogate pair without the other half: no text in UTF-8 can hold it, so no key can. */
const LONE_SURROGATE = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/

/** Whether a string is Unicode text. JSON may smuggle in what is not: `"\ud800"`. */
export function isWellFormed(text: string): boolean {
  return !LONE_SURROGATE.test(text)
}
