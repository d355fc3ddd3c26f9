import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { datagen, datagenLines } from '../../../operators/connectors/datagen/index.js'
import { NO_TIMESTAMP } from '../../../runtime/contract/time.js'
import { enumerate, HandClock, readerOf, readToEnd } from '../support.js'

describe('a generated stream', () => {
  it('gives split s of n the indexes s, s + n, s + 2n, ... and every index once, also after stops anywhere', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 0, max: 60 }),
        fc.integer({ min: 1, max: 9 }),
        fc.integer({ min: 1, max: 5 }),
        fc.integer({ min: 1, max: 7 }),
        async (count, splits, parallelism, max) => {
          const source = datagen({ count, splits, generate: (index) => index })
          const enumerated = await enumerate(source, { parallelism })
          const { open } = readerOf(source)
          const all: number[] = []
          for (const { split } of enumerated.splits) {
            const mine: number[] = []
            let reader = await open(split)
            while (reader.poll({ collect: (index) => mine.push(index) }, max) !== 'end')
              reader = await open(reader.position())
            expect(mine).toEqual(Array.from({ length: mine.length }, (_, i) => split.split + i * splits))
            all.push(...mine)
          }
          expect(all.sort((a, b) => a - b)).toEqual(Array.from({ length: count }, (_, i) => i))
        },
      ),
      { numRuns: 100 },
    )
  })

  it('has a split for each subtask by default, and keeps them when it is restored at another parallelism', async () => {
    const source = datagen({ generate: (index) => index })
    const first = await enumerate(source, { parallelism: 3 })
    expect(first.assigned.get(2)).toEqual([{ id: '2/3', split: { split: 2, of: 3, next: 2 } }])
    expect(first.noMoreSplits).toBe(true)
    const restored = await enumerate(source, { parallelism: 2, restored: first.state, assigned: first.splits })
    expect(restored).toMatchObject({ splits: [], state: { splits: 3 }, noMoreSplits: true })
  })

  it('is bounded when it has a count', () => {
    expect(datagen({ count: 5, generate: () => 1 }).bounded).toBe(true)
    expect(datagen({ generate: () => 1 }).bounded).toBe(false)
  })

  it('gives records the event time it is told, else none, and the seed to the function', async () => {
    const seen: unknown[] = []
    const out = { collect: (value: unknown, timestamp: number) => seen.push([value, timestamp]) }
    const timed = datagen({
      count: 2,
      seed: 7,
      generate: (i, seed) => seed + i,
      timestampOf: (value, i) => value * 100 + i,
    })
    await readToEnd(await readerOf(timed).open({ split: 0, of: 1, next: 0 }), out)
    const untimed = datagen({ count: 1, generate: (_i, seed) => seed })
    await readToEnd(await readerOf(untimed).open({ split: 0, of: 1, next: 0 }), out)
    expect(seen).toEqual([
      [7, 700],
      [8, 801],
      [0, NO_TIMESTAMP],
    ])
  })

  it('may be text, with its index as position', async () => {
    const source = datagenLines({ name: 'turbines', count: 4, line: (index) => `é${index}` })
    const seen: unknown[] = []
    await readToEnd(await readerOf(source).open({ split: 1, of: 2, next: 1 }), {
      collect: (raw) => seen.push([raw.text(), Buffer.from(raw.bytes).toString(), raw.position()]),
    })
    expect(seen).toEqual([
      ['é1', 'é1', 'datagen:turbines:1'],
      ['é3', 'é3', 'datagen:turbines:3'],
    ])
  })

  it('refuses options that make no sense', () => {
    for (const wrong of [{ count: -1 }, { count: 0.5 }, { splits: 0 }, { ratePerSecond: 0 }, { ratePerSecond: NaN }]) {
      expect(() => datagen({ ...wrong, generate: () => 1 })).toThrow(
        expect.objectContaining({ code: 'MILLRACE_GRAPH' }),
      )
    }
  })
})

describe('a rate', () => {
  it('is that of all splits together, evenly spread, and catches up by a second at most', async () => {
    const clock = new HandClock()
    const source = datagen({ splits: 2, ratePerSecond: 20, generate: (index) => index })
    const reader = await readerOf(source, clock).open({ split: 0, of: 2, next: 0 })
    let taken = 0
    const out = { collect: () => taken++ }
    const takeAll = (): number => {
      taken = 0
      while (reader.poll(out, 100) === 'more');
      return taken
    }
    expect(takeAll()).toBe(1)
    for (let second = 0; second < 5; second++) {
      clock.advance(1000)
      expect(takeAll()).toBe(10)
    }
    clock.advance(60_000)
    expect(takeAll()).toBe(10)
    clock.advance(100)
    expect(takeAll()).toBe(1)
  })

  it('says when the next record may go, and leaves no timer behind', async () => {
    const clock = new HandClock()
    const source = datagen({ splits: 1, ratePerSecond: 3, generate: (index) => index })
    const reader = await readerOf(source, clock).open({ split: 0, of: 1, next: 0 })
    const out = { collect: () => undefined }
    for (let i = 0; i < 50; i++) {
      expect(reader.poll(out, 1)).toBe('more')
      expect(reader.poll(out, 1)).toBe('wait')
      const available = reader.available()
      expect(clock.pending).toBe(1)
      clock.advance(334)
      await available
    }
    reader.poll(out, 1)
    reader.poll(out, 1)
    const waiting = reader.available()
    await reader.close?.()
    await waiting
    expect(clock.pending).toBe(0)
  })
})
