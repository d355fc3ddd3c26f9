/** A group's key, and its value if it has one. */
export type GroupStep = readonly [key: string, value: string | undefined]

/** A metric's place in its operator. */
export interface MetricPath {
  readonly groups: readonly GroupStep[]
  readonly name: string
}

/**
 * The one text that stands for a metric in an operator: its name, or `/group/key=value/name`. Counters go into checkpoints under it: it
 * must never change.
 */
export function metricKey({ groups, name }: MetricPath): string {
  if (groups.length === 0) return /^[/%]/.test(name) ? escaped(name) : name
  const steps = groups.map(([key, value]) => (value === undefined ? escaped(key) : `${escaped(key)}=${escaped(value)}`))
  return `/${[...steps, escaped(name)].join('/')}`
}

/** The inverse of {@link metricKey}. */
export function parseMetricKey(key: string): MetricPath {
  if (key.startsWith('%')) return { groups: [], name: unescaped(key) }
  if (!key.startsWith('/')) return { groups: [], name: key }
  const parts = key.slice(1).split('/')
  const groups = parts.slice(0, -1).map((step): GroupStep => {
    const cut = step.indexOf('=')
    return cut < 0 ? [unescaped(step), undefined] : [unescaped(step.slice(0, cut)), unescaped(step.slice(cut + 1))]
  })
  return { groups, name: unescaped(parts.at(-1)!) }
}

const ESCAPES: Readonly<Record<string, string>> = { '%': '%25', '/': '%2F', '=': '%3D' }

function escaped(text: string): string {
  return text.replace(/[%/=]/g, (character) => ESCAPES[character]!)
}

function unescaped(text: string): string {
  return text.replace(/%(25|2F|3D)/g, (code) => Object.keys(ESCAPES).find((character) => ESCAPES[character] === code)!)
}
