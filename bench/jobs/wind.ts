/** Mean speed of each turbine in each minute. */
import { boundedOutOfOrderness, defineJob, p } from 'millrace'
import { benchSource } from '../lib/bench-source.js'
import { alertOfFastTurbines } from '../lib/fast-turbines.js'
import { reading, READING_DISORDER_MS, type Reading } from '../streams/reading.js'

export default defineJob({
  name: 'bench-wind',
  params: { records: p.integer() },
  build(env, { records }) {
    const readings = env.fromSource(benchSource(records, reading), {
      uid: 'readings',
      watermarks: boundedOutOfOrderness(READING_DISORDER_MS, ({ ts }: Reading) => ts),
    })
    alertOfFastTurbines(readings)
  },
})
