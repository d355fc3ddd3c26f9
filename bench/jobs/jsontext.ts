/** The texts of `windjson` alone, not parsed. */
import { defineJob, p } from 'millrace'
import { benchSource } from '../lib/bench-source.js'
import { checksumSink } from '../lib/checksum-sink.js'
import { readingJson } from '../streams/reading.js'

export default defineJob({
  name: 'bench-jsontext',
  params: { records: p.integer() },
  build(env, { records }) {
    env.fromSource(benchSource(records, readingJson), { uid: 'texts' }).sinkTo(
      checksumSink((text: string) => text.length),
      { uid: 'checksum' },
    )
  },
})
