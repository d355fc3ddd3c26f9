/** Where the slots' folders find their metrics: the main thread uses the same ones, and may not import this folder. */
export { LocalCounter, LocalMetrics } from '../metrics/local-metrics.js'
