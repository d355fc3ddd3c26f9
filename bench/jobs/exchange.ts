/** Every record to its key's subtask, its value one more. */
import { defineJob, p } from 'millrace'
import { benchSource } from '../lib/bench-source.js'
import { checksumSink } from '../lib/checksum-sink.js'
import { hashItem } from '../streams/hashes.js'
import { item } from '../streams/item.js'

export default defineJob({
  name: 'bench-exchange',
  params: { records: p.integer() },
  build(env, { records }) {
    env
      .fromSource(benchSource(records, item), { uid: 'items' })
      .keyBy(({ key }) => key)
      .map(({ key, value, ts }) => ({ key, value: value + 1, ts }))
      .sinkTo(checksumSink(hashItem), { uid: 'checksum' })
  },
})
