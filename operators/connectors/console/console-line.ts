/** A value as one line: a string without line ends as it is, anything else as JSON, with bigints as their digits in a string. */
export function consoleLine(value: unknown): string {
  if (typeof value === 'string' && !/[\r\n]/.test(value)) return value
  try {
    return JSON.stringify(value, bigintAsString) ?? String(value)
  } catch {
    return String(value)
  }
}

function bigintAsString(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? String(value) : value
}
