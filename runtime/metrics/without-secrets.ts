import type { Series } from './series.js'

/** A secret so short would be found everywhere. */
const SHORTEST = 4

/** Takes secrets out of dimensions, should a job's groups have them: `***`. */
export function withoutSecrets(secrets: readonly string[]): (series: Series) => Series {
  const known = secrets.filter((secret) => secret.length >= SHORTEST)
  const clean = (text: string): string => known.reduce((rest, secret) => rest.replaceAll(secret, '***'), text)
  if (known.length === 0) return (series) => series
  return (series) => ({
    ...series,
    name: clean(series.name),
    dimensions: series.dimensions.map(([name, value], i) => (i === 0 ? [name, value] : [clean(name), clean(value)])),
  })
}
