/** As `wind`, from the text of change records. */
import { boundedOutOfOrderness, decodeWith, defineJob, p } from 'millrace'
import { benchLines } from '../lib/bench-source.js'
import { alertOfFastTurbines } from '../lib/fast-turbines.js'
import { READING_DISORDER_MS, readingJson, type Reading } from '../streams/reading.js'

interface ChangeRecord {
  readonly eventName: string
  readonly dynamodb: {
    readonly NewImage: { readonly deviceID: { readonly S: string }; readonly value: { readonly N: string } }
  }
  readonly ts: number
}

/** Inserted readings; other changes are skipped. */
const insertedReading = decodeWith<Reading>((raw, out) => {
  const { eventName, dynamodb, ts } = JSON.parse(raw.text()) as ChangeRecord
  if (eventName !== 'INSERT') return
  const { deviceID, value } = dynamodb.NewImage
  out.emit({ turbineId: deviceID.S, speed: Number(value.N), ts })
})

export default defineJob({
  name: 'bench-windjson',
  params: { records: p.integer() },
  build(env, { records }) {
    const readings = env.fromSource(benchLines(records, readingJson), {
      uid: 'readings',
      decode: insertedReading,
      watermarks: boundedOutOfOrderness(READING_DISORDER_MS, ({ ts }: Reading) => ts),
    })
    alertOfFastTurbines(readings)
  },
})
