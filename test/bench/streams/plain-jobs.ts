import type { Checksum } from '../../../bench/streams/checksum.js'
import { addHash, emptyChecksum, fnv1a } from '../../../bench/streams/checksum.js'
import {
  hashBidderSession,
  hashHotAuction,
  hashItem,
  hashNewSeller,
  hashVisitorSession,
  hashWordCount,
  windAlertText,
} from '../../../bench/streams/hashes.js'
import { impression } from '../../../bench/streams/impression.js'
import { item } from '../../../bench/streams/item.js'
import { AUCTION, BID, nex, PERSON } from '../../../bench/streams/nex.js'
import { order } from '../../../bench/streams/order.js'
import type { Reading } from '../../../bench/streams/reading.js'
import { reading, readingJson } from '../../../bench/streams/reading.js'
import { word } from '../../../bench/streams/word.js'
import type { KeyedRecord } from '../../oracles/windows.js'
import { coGroupWindows } from '../../oracles/joins.js'
import { sessionWindows, slidingWindows, tumblingWindows } from '../../oracles/windows.js'

/** The streams' first `records` records folded by the loops of the oracles: what each benchmark job must come to. */
export const plainJobs: Readonly<Record<string, (records: number) => Checksum>> = {
  exchange: (records) => checksumOf(range(records, item), (record) => hashItem({ ...record, value: record.value + 1 })),
  wind: (records) => windChecksum(range(records, reading)),
  windjson: (records) => windChecksum(range(records, readingJson).map(parseReading)),
  sessionize: (records) => {
    const keyed = range(records, impression).map(({ user, page, ts }) => ({ key: user, time: ts, value: page }))
    return checksumOf(sessionWindows(keyed, 1_800_000), ({ key, start, end, values }) =>
      hashVisitorSession({ user: key, first: start, last: end - 1_800_000, count: values.length }),
    )
  },
  wordcount: (records) => {
    const counts = new Map<string, number>()
    return checksumOf(range(records, word), (text) => {
      const count = (counts.get(text) ?? 0) + 1
      counts.set(text, count)
      return hashWordCount({ word: text, count })
    })
  },
  dedup: (records) => checksumOf([...new Set(range(records, (index) => order(index).orderId))], fnv1a),
  q5: hotAuctions,
  q8: newSellers,
  q11: (records) =>
    checksumOf(sessionWindows(bids(records, 'person'), 10_000), ({ key, start, end, values }) =>
      hashBidderSession({ bidder: key, count: values.length, start, end }),
    ),
}

function range<T>(records: number, generate: (index: number) => T): T[] {
  return Array.from({ length: records }, (_, index) => generate(index))
}

function checksumOf<T>(records: readonly T[], hash: (record: T) => number): Checksum {
  const checksum = emptyChecksum()
  for (const record of records) addHash(checksum, hash(record))
  return checksum
}

function parseReading(text: string): Reading {
  const record = JSON.parse(text) as {
    dynamodb: { NewImage: { deviceID: { S: string }; value: { N: string } } }
    ts: number
  }
  const { deviceID, value } = record.dynamodb.NewImage
  return { turbineId: deviceID.S, speed: Number(value.N), ts: record.ts }
}

function windChecksum(readings: readonly Reading[]): Checksum {
  const keyed = readings.map(({ turbineId, speed, ts }) => ({ key: turbineId, time: ts, value: speed }))
  const alerts = tumblingWindows(keyed, 60_000).map(({ key, end, values }) => {
    const sum = values.reduce((total, speed) => total + speed, 0)
    const avg100 = Math.floor((sum * 100) / values.length)
    return { turbineId: key, windowEnd: end, count: values.length, avg100 }
  })
  return checksumOf(
    alerts.filter((alert) => alert.avg100 > 3500),
    (alert) => fnv1a(windAlertText(alert)),
  )
}

function bids(records: number, key: 'auction' | 'person'): KeyedRecord<number, number>[] {
  const all = range(records, nex).filter((record) => record.kind === BID)
  return all.map((bid) => ({ key: bid[key], time: bid.ts, value: 1 }))
}

function hotAuctions(records: number): Checksum {
  const counts = slidingWindows(bids(records, 'auction'), 10_000, 2_000)
  const most = new Map<number, number>()
  for (const { end, values } of counts) most.set(end, Math.max(most.get(end) ?? 0, values.length))
  return checksumOf(
    counts.filter(({ end, values }) => values.length === most.get(end)),
    ({ key, end, values }) => hashHotAuction({ windowEnd: end, auction: key, count: values.length }),
  )
}

function newSellers(records: number): Checksum {
  const all = range(records, nex).map((record) => ({ key: record.person, time: record.ts, value: record }))
  const persons = all.filter(({ value }) => value.kind === PERSON)
  const auctions = all.filter(({ value }) => value.kind === AUCTION)
  const groups = coGroupWindows(persons, auctions, { kind: 'tumbling', sizeMs: 10_000 })
  return checksumOf(
    groups.filter(({ left, right }) => left.length > 0 && right.length > 0),
    ({ key, end }) => hashNewSeller({ person: key, windowEnd: end }),
  )
}
