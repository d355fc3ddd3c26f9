/** How often each word has come so far, each time it comes. */
import { defineJob, p, record, value } from 'millrace'
import { benchSource } from '../lib/bench-source.js'
import { checksumSink } from '../lib/checksum-sink.js'
import { hashWordCount, type WordCount } from '../streams/hashes.js'
import { word } from '../streams/word.js'

export default defineJob({
  name: 'bench-wordcount',
  params: { records: p.integer() },
  build(env, { records }) {
    env
      .fromSource(benchSource(records, word), { uid: 'words' })
      .keyBy((text) => text)
      .process({
        emits: record<WordCount>(),
        state: { count: value<number>() },
        onElement(text, ctx) {
          const count = (ctx.state.count.value() ?? 0) + 1
          ctx.state.count.update(count)
          ctx.emit({ word: text, count })
        },
      })
      .uid('counts')
      .sinkTo(checksumSink(hashWordCount), { uid: 'checksum' })
  },
})
