/** The source alone: what all other figures include. */
import { defineJob, p } from 'millrace'
import { benchSource } from '../lib/bench-source.js'
import { checksumSink } from '../lib/checksum-sink.js'
import { hashItem } from '../streams/hashes.js'
import { item } from '../streams/item.js'

export default defineJob({
  name: 'bench-source',
  params: { records: p.integer() },
  build(env, { records }) {
    env.fromSource(benchSource(records, item), { uid: 'items' }).sinkTo(checksumSink(hashItem), { uid: 'checksum' })
  },
})
