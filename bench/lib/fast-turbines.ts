import { aggregator, tumbling, type Stream } from 'millrace'
import { fnv1a } from '../streams/checksum.js'
import { windAlertText } from '../streams/hashes.js'
import type { Reading } from '../streams/reading.js'
import { checksumSink } from './checksum-sink.js'

const ALERT_ABOVE = 3500

/** Mean in hundredths, rounded down. */
const meanSpeed = aggregator({
  name: 'mean-speed',
  create: () => ({ sum: 0, count: 0 }),
  add: (acc, { speed }: Reading) => {
    acc.sum += speed
    acc.count++
    return acc
  },
  result: ({ sum, count }) => ({ count, avg100: Math.floor((sum * 100) / count) }),
  merge: (a, b) => {
    a.sum += b.sum
    a.count += b.count
    return a
  },
})

/** `wind` and `windjson`: turbines whose mean speed in a minute is too high. */
export function alertOfFastTurbines(readings: Stream<Reading>): void {
  readings
    .keyBy(({ turbineId }) => turbineId)
    .window(tumbling('60s'))
    .aggregate(meanSpeed, (turbineId, { end }, { count, avg100 }) => ({ turbineId, windowEnd: end, count, avg100 }))
    .uid('means')
    .filter(({ avg100 }) => avg100 > ALERT_ABOVE)
    .map(windAlertText)
    .sinkTo(checksumSink(fnv1a), { uid: 'checksum' })
}
