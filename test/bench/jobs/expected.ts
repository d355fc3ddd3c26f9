import type { JobDefinition } from 'millrace'
import dedup from '../../../bench/jobs/dedup.js'
import exchange from '../../../bench/jobs/exchange.js'
import jsontext from '../../../bench/jobs/jsontext.js'
import q11 from '../../../bench/jobs/q11.js'
import q5 from '../../../bench/jobs/q5.js'
import q8 from '../../../bench/jobs/q8.js'
import sessionize from '../../../bench/jobs/sessionize.js'
import source from '../../../bench/jobs/source.js'
import wind from '../../../bench/jobs/wind.js'
import windjson from '../../../bench/jobs/windjson.js'
import wordcount from '../../../bench/jobs/wordcount.js'

/** How many records of each stream the answers below are for. */
export const RECORDS = 60_000

/** A job and its right answer: computed apart from this project, as those of `plain-jobs.test.ts`. */
export interface Expected {
  readonly name: string
  readonly job: JobDefinition
  readonly count: number
  readonly checksum: string
}

/** All benchmark jobs. */
export const expected: readonly Expected[] = [
  { name: 'source', job: source, count: 60_000, checksum: 'f48ba8284c20cde6' },
  { name: 'jsontext', job: jsontext, count: 60_000, checksum: '006b045a00000006' },
  { name: 'exchange', job: exchange, count: 60_000, checksum: 'daac557b31545bdd' },
  { name: 'wind', job: wind, count: 717, checksum: '0979ed253d8daaa7' },
  { name: 'windjson', job: windjson, count: 717, checksum: '0979ed253d8daaa7' },
  { name: 'sessionize', job: sessionize, count: 58_254, checksum: 'd5b74516ab2aabfe' },
  { name: 'wordcount', job: wordcount, count: 60_000, checksum: 'fc7685385c23ed2a' },
  { name: 'dedup', job: dedup, count: 57_215, checksum: '952c010209239ac6' },
  { name: 'q5', job: q5, count: 8, checksum: '2d138d80a4e993aa' },
  { name: 'q8', job: q8, count: 461, checksum: 'b6e2bcc2b441a6e4' },
  { name: 'q11', job: q11, count: 1118, checksum: 'f55fd22d3861fa41' },
]
