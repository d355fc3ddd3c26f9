import { describe, expect, it } from 'vitest'
import { checksumText } from '../../../bench/streams/checksum.js'
import { plainJobs } from './plain-jobs.js'

/** Results computed apart from this project; at 200,000 records Apache Flink 2.3.0 gives the same. */
const pinned: readonly (readonly [job: string, records: number, count: number, checksum: string])[] = [
  ['exchange', 1, 1, 'f9118adcf9118adc'],
  ['exchange', 1000, 1000, 'c5d2897b062c5755'],
  ['exchange', 200000, 200000, 'f54f20da5c0c9228'],
  ['wind', 1, 0, '0000000000000000'],
  ['wind', 1000, 417, '27e40d970572fc09'],
  ['wind', 200000, 2227, '2b1a3c480f1f4af8'],
  ['windjson', 1, 0, '0000000000000000'],
  ['windjson', 1000, 417, '27e40d970572fc09'],
  ['windjson', 200000, 2227, '2b1a3c480f1f4af8'],
  ['sessionize', 1, 1, '1dbb8bf71dbb8bf7'],
  ['sessionize', 1000, 1000, 'ab310a1af457e81e'],
  ['sessionize', 200000, 181428, 'ca22368751028447'],
  ['wordcount', 1, 1, 'feed7587feed7587'],
  ['wordcount', 1000, 1000, '98d3bb2ea642b688'],
  ['wordcount', 200000, 200000, '42fd9bcdd231d629'],
  ['dedup', 1, 1, '71b5d28e71b5d28e'],
  ['dedup', 1000, 953, '2b9134f9e487e2e3'],
  ['dedup', 200000, 190482, '4293366016cb9fe4'],
  ['q5', 1, 0, '0000000000000000'],
  ['q5', 1000, 6, 'b165acc1d2ebab43'],
  ['q5', 200000, 15, '7cd0ed19d9d08a53'],
  ['q8', 1, 0, '0000000000000000'],
  ['q8', 1000, 10, '5c1cc8040910ded2'],
  ['q8', 200000, 1740, '47a76ab3573bf1ad'],
  ['q11', 1, 0, '0000000000000000'],
  ['q11', 1000, 19, 'ef5f7c4df8226423'],
  ['q11', 200000, 3922, '82345de5f27feecb'],
]

describe('benchmark streams folded by plain loops', () => {
  it.each(pinned)('%s over %i records comes to %i results of checksum %s', (job, records, count, checksum) => {
    const result = plainJobs[job]!(records)
    expect({ count: result.count, checksum: checksumText(result) }).toEqual({ count, checksum })
  })
})
