import type { MetricGroup } from '../../../../runtime/contract/metrics.js'

/** Gauges that a test can read, by `group=value/name`. */
export function noMetrics(gauges: Map<string, () => number> = new Map(), prefix = ''): MetricGroup {
  return {
    counter: () => ({ count: 0, inc: () => undefined }),
    gauge: (name, read) => void gauges.set(prefix + name, read),
    meter: () => ({ mark: () => undefined }),
    histogram: () => ({ update: () => undefined }),
    addGroup: (key, value) => noMetrics(gauges, `${prefix}${key}=${value}/`),
  }
}
