import { gzipSync } from 'node:zlib'
import { describe, expect, it, vi } from 'vitest'
import { z } from 'zod'
import type { ReferenceData, ReferenceTable } from '../../../operators/connectors/reference/reference.js'
import { withReference } from '../../../operators/connectors/reference/with-reference.js'
import type { ReferenceObjects } from '../../../operators/connectors/s3/reference-objects.js'
import { missing } from '../../../operators/connectors/s3/reference-objects.js'
import { type S3ReferenceOptions, s3ReferenceDataOver } from '../../../operators/connectors/s3/s3-reference-data.js'
import { collectSink, runInProcess, sourceOf } from '../../../runtime/testing/index.js'
import { defineJob, type ProcessContext } from '../../../operators/index.js'
import { HandClock } from '../support.js'
import { contextOf } from './small-job.js'

interface Product {
  readonly id: string
  readonly price: number | string
}

/** A bucket of objects; `get` can be made to fail. */
class Bucket {
  readonly objects = new Map<string, { bytes: Buffer; etag: string }>()
  readonly log: string[] = []
  fault: (call: string) => Error | undefined = () => undefined
  closed = 0
  private etags = 0

  put(key: string, content: string | Buffer): void {
    this.objects.set(key, { bytes: Buffer.from(content), etag: `"${++this.etags}"` })
  }

  connect = (): Promise<ReferenceObjects> => {
    const step = <R>(call: string, result: () => R): Promise<R> => {
      this.log.push(call)
      const error = this.fault(call)
      return error === undefined ? Promise.resolve(result()) : Promise.reject(error)
    }
    const found = (key: string) => {
      const object = this.objects.get(key)
      if (object === undefined) throw missing(`s3://bucket/${key}`)
      return object
    }
    return Promise.resolve({
      get: async (key, unless) =>
        step(`get ${key}`, () => {
          const object = found(key)
          return object.etag === unless ? undefined : object
        }),
      getVersion: (key, etag) =>
        step(`getVersion ${key}`, () => {
          const object = this.objects.get(key)
          return object?.etag === etag ? object : undefined
        }),
      probe: async (key) => step(`probe ${key}`, () => void found(key)),
      list: (prefix) =>
        step(`list ${prefix}`, () =>
          [...this.objects]
            .filter(([key]) => key.startsWith(prefix))
            .map(([key, { etag }]) => ({ key, etag }))
            .sort((a, b) => (a.key < b.key ? -1 : 1)),
        ),
      close: () => void this.closed++,
    })
  }
}

function products(
  bucket: Bucket,
  options: Partial<S3ReferenceOptions<string, Product>> = { key: 'products' },
): ReferenceData<string, Product> {
  return s3ReferenceDataOver<Product, string>({ bucket: 'bucket', keyOf: ({ id }) => id, ...options }, bucket.connect)
}

interface Opened {
  readonly table: ReferenceTable<string, Product>
  readonly clock: HandClock
  readonly warnings: string[]
  /** A refresh interval passes, and what it starts is done. */
  readonly refresh: () => Promise<void>
}

async function open(data: ReferenceData<string, Product>, clock: HandClock = new HandClock()): Promise<Opened> {
  const warnings: string[] = []
  const { metrics } = contextOf()
  const table = await data.open({ clock, metrics, warn: (message) => warnings.push(message) })
  const refresh = async (): Promise<void> => {
    clock.advance(5 * 60_000)
    await vi.waitFor(() => expect(clock.pending).toBe(1))
  }
  return { table, clock, warnings, refresh }
}

const line = (id: string, price: number): string => `${JSON.stringify({ id, price })}\n`

describe('reference data of one object', () => {
  it('is there, whole, before the first record, and unchanged is not read again', async () => {
    const bucket = new Bucket()
    bucket.put('products', line('a', 1) + line('b', 2))
    const { table, refresh, clock } = await open(products(bucket))
    expect([table.get('a'), table.get('b'), table.get('c'), table.size]).toEqual([
      { id: 'a', price: 1 },
      { id: 'b', price: 2 },
      undefined,
      2,
    ])
    const entries = table.entries()
    await refresh()
    expect(table.entries()).toBe(entries)
    expect(table.upToDateMs).toBe(clock.now())
    expect(bucket.log).toEqual(['get products', 'get products'])
  })

  it('is replaced as a whole when it has changed', async () => {
    const bucket = new Bucket()
    bucket.put('products', line('a', 1) + line('b', 2))
    const { table, refresh } = await open(products(bucket))
    bucket.put('products', line('b', 3) + line('c', 4))
    expect(table.get('b')!.price).toBe(2)
    await refresh()
    expect([...table.entries()]).toEqual([
      ['b', { id: 'b', price: 3 }],
      ['c', { id: 'c', price: 4 }],
    ])
    expect(table.has('a')).toBe(false)
  })

  it('stays, with a warning, when a refresh fails, and is refreshed by the next', async () => {
    const bucket = new Bucket()
    bucket.put('products', line('a', 1))
    const { table, refresh, warnings } = await open(products(bucket))
    const broken: (() => void)[] = [
      () => void (bucket.fault = () => new Error('connection lost')),
      () => {
        bucket.fault = () => undefined
        bucket.objects.clear()
      },
      () => bucket.put('products', `${line('a', 2)}{"id":`),
    ]
    for (const breakIt of broken) {
      breakIt()
      await refresh()
      expect([...table.entries()]).toEqual([['a', { id: 'a', price: 1 }]])
    }
    expect(warnings).toEqual([
      expect.stringMatching(/^s3:\/\/bucket\/products could not be refreshed, .* stays: connection lost$/),
      expect.stringContaining('does not exist'),
      expect.stringContaining('s3://bucket/products:21 not JSON'),
    ])
    bucket.put('products', line('a', 2))
    await refresh()
    expect(table.get('a')!.price).toBe(2)
  })

  it('that is not there is MILLRACE_INPUT naming it, from the check and from the start', async () => {
    const data = products(new Bucket())
    const error = { code: 'MILLRACE_INPUT', message: 'reference data s3://bucket/products does not exist' }
    await expect(data.check({ uid: 'x', jobId: 'j', warn: () => undefined })).rejects.toMatchObject(error)
    await expect(open(data)).rejects.toMatchObject(error)
  })

  it('may be opened after a start that failed', async () => {
    const bucket = new Bucket()
    const data = products(bucket)
    await expect(open(data)).rejects.toMatchObject({ code: 'MILLRACE_INPUT' })
    bucket.put('products', line('a', 1))
    expect((await open(data)).table.size).toBe(1)
  })

  it('is read once for all who have it open, and let go of with the last of them', async () => {
    const bucket = new Bucket()
    bucket.put('products', line('a', 1))
    const data = products(bucket)
    const clock = new HandClock()
    const [one, two] = await Promise.all([open(data, clock), open(data, clock)])
    expect(bucket.log).toEqual(['get products'])
    expect(one.table.entries()).toBe(two.table.entries())
    one.table.close()
    one.table.close()
    await two.refresh()
    two.table.close()
    await vi.waitFor(() => expect(bucket.closed).toBe(1))
    expect(clock.pending).toBe(0)
    bucket.put('products', line('a', 2))
    expect((await open(data, clock)).table.get('a')!.price).toBe(2)
  })

  it('with refresh: never is read once', async () => {
    const bucket = new Bucket()
    bucket.put('products', line('a', 1))
    const { clock } = await open(products(bucket, { key: 'products', refresh: 'never' }))
    expect(clock.pending).toBe(0)
  })
})

describe('reference data of several objects', () => {
  const all = { prefix: 'p/' }

  it('is what one listing names: only what changed is read again, what vanished is gone', async () => {
    const bucket = new Bucket()
    bucket.put('p/2', line('b', 2) + line('x', 2))
    bucket.put('p/1', line('a', 1) + line('x', 1))
    bucket.put('q', line('q', 0))
    const { table, refresh } = await open(products(bucket, all))
    expect([...table.entries().values()].map(({ id, price }) => `${id}${price}`)).toEqual(['a1', 'x2', 'b2'])
    await refresh()
    bucket.put('p/2', line('c', 3))
    bucket.put('p/3', line('d', 4))
    await refresh()
    expect([...table.entries().keys()]).toEqual(['a', 'x', 'c', 'd'])
    bucket.objects.delete('p/1')
    await refresh()
    expect([...table.entries().keys()]).toEqual(['c', 'd'])
    expect(bucket.log.filter((call) => call.startsWith('get'))).toEqual([
      'getVersion p/1',
      'getVersion p/2',
      'getVersion p/2',
      'getVersion p/3',
    ])
  })

  it('is never a mixture of two states', async () => {
    const bucket = new Bucket()
    bucket.put('p/1', line('a', 1))
    bucket.put('p/2', line('b', 1))
    const { table, refresh, warnings } = await open(products(bucket, all))
    // Both change, the second while they are read.
    bucket.put('p/1', line('a', 2))
    bucket.put('p/2', line('b', 2))
    let change = true
    bucket.fault = (call) => {
      if (call === 'getVersion p/2' && change) {
        change = false
        bucket.put('p/2', line('b', 3))
      }
      return undefined
    }
    await refresh()
    expect([table.get('a')!.price, table.get('b')!.price]).toEqual([2, 3])
    // And while one cannot be read, nothing of the others counts.
    bucket.put('p/1', line('a', 9))
    bucket.put('p/2', 'broken\n')
    await refresh()
    expect([table.get('a')!.price, table.get('b')!.price]).toEqual([2, 3])
    expect(warnings).toHaveLength(1)
    bucket.fault = (call) => {
      if (call === 'getVersion p/2') bucket.put('p/2', line('b', 4))
      return undefined
    }
    await refresh()
    expect(warnings[1]).toContain('changes while it is read')
  })

  it('of which there is none is MILLRACE_INPUT', async () => {
    const data = products(new Bucket(), all)
    const error = { code: 'MILLRACE_INPUT', message: 'reference data s3://bucket/p/* does not exist' }
    await expect(data.check({ uid: 'x', jobId: 'j', warn: () => undefined })).rejects.toMatchObject(error)
    await expect(open(data)).rejects.toMatchObject(error)
  })
})

describe('what an object may hold', () => {
  const schema = z.object({ id: z.string(), price: z.coerce.number() })
  const rowsOf = async (format: 'json' | 'csv' | 'jsonLines', content: string | Buffer, checked = true) => {
    const bucket = new Bucket()
    bucket.put('products', content)
    const { table } = await open(products(bucket, { key: 'products', format, ...(checked ? { schema } : {}) }))
    return [...table.entries().values()]
  }
  const two = [
    { id: 'a', price: 1 },
    { id: 'b', price: 2 },
  ]

  it('JSON lines, a JSON array or CSV with a header, plain or gzipped', async () => {
    const forms = {
      jsonLines: line('a', 1) + '\n' + line('b', 2).trim(),
      json: JSON.stringify(two, null, 2),
      csv: '\ufeffid,price\r\n"a",1\r\nb,2',
    } as const
    for (const [format, text] of Object.entries(forms)) {
      expect(await rowsOf(format as 'csv', text)).toEqual(two)
      expect(await rowsOf(format as 'csv', gzipSync(text))).toEqual(two)
    }
    expect(await rowsOf('csv', 'id,price\n"a\n""b""",1\n', false)).toEqual([{ id: 'a\n"b"', price: '1' }])
    expect(await rowsOf('csv', 'id,price')).toEqual([])
  })

  it.each([
    ['jsonLines', `${line('a', 1)}nonsense`, 'products:21 not JSON'],
    ['jsonLines', '{"id":5}', 'schema: id'],
    ['json', '{}', 'is no JSON array'],
    ['json', '[', 'is not JSON'],
    ['json', '[{"id":"a","price":1},{}]', '[1]: schema: id'],
    ['csv', 'id,price\na', '1 fields, not 2'],
    ['csv', 'id,id\na,b', 'names the column "id" twice'],
    ['jsonLines', Buffer.from([0x1f, 0x8b, 1, 2]), 'is no gzip file'],
  ] as const)('and nothing of %s that is broken: %s', async (format, content, message) => {
    await expect(rowsOf(format, content as string)).rejects.toMatchObject({
      code: 'MILLRACE_INPUT',
      message: expect.stringContaining(message) as string,
    })
  })

  it('a key or a prefix is needed, and a refresh that is a duration', () => {
    const wrong = [
      {},
      { key: 'a', prefix: 'b' },
      { key: '' },
      { key: 'a', refresh: 'soon' as never },
      { key: 'a', refresh: 0 },
    ]
    for (const options of wrong) {
      expect(() => products(new Bucket(), options)).toThrow(
        expect.objectContaining({ code: 'MILLRACE_GRAPH' }) as Error,
      )
    }
  })
})

describe('a job with reference data', () => {
  it('looks records up in it, synchronously', async () => {
    const bucket = new Bucket()
    bucket.put('products', line('a', 1) + line('b', 2))
    const results = collectSink<string>()
    const job = defineJob({
      name: 'enrich',
      build(env) {
        const data = products(bucket)
        env
          .fromSource(sourceOf([['a', 'b'], ['c']]), { uid: 'in' })
          .process(
            withReference(data, (id: string, table, ctx: ProcessContext<string>) =>
              ctx.emit(`${id}: ${table.get(id)?.price ?? 'unknown'}`),
            ),
            { uid: 'enrich' },
          )
          .sinkTo(results.sink, { uid: 'out' })
      },
    })
    expect(await runInProcess(job, { parallelism: 2 })).toMatchObject({ status: 'FINISHED', failure: undefined })
    expect(results.values().sort()).toEqual(['a: 1', 'b: 2', 'c: unknown'])
    bucket.objects.clear()
    await expect(runInProcess(job)).rejects.toMatchObject({ uid: 'enrich', code: 'MILLRACE_INPUT' })
  })
})
