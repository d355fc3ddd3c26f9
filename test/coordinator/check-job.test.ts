import { describe, expect, it } from 'vitest'
import type { JobGraph } from '../../runtime/contract/graph.js'
import { checkJob } from '../../runtime/coordinator/check-job.js'
import { VirtualClock } from '../checkpoint/virtual-clock.js'

function graphOf(check: () => Promise<void>): JobGraph {
  const node = { id: 0, uid: 'clicks', name: 'source', kind: 'source', source: { describe: 'kinesis://clicks', check } }
  return { nodes: [node] } as unknown as JobGraph
}

describe('checks before a job runs', () => {
  it('say after some seconds what is being waited for, and give up in the end', async () => {
    const clock = new VirtualClock()
    const warnings: string[] = []
    const warn = (uid: string, message: string): void => void warnings.push(`${uid}: ${message}`)
    const failure = checkJob(
      graphOf(() => new Promise(() => {})),
      { jobId: 'job', clock, warn },
    ).then(
      () => undefined,
      (error: unknown) => error,
    )
    await clock.advance(4_000)
    expect(warnings).toEqual([])
    await clock.advance(1_500)
    expect(warnings).toEqual(['clicks: still waiting for kinesis://clicks to answer'])
    await clock.advance(40_000)
    expect(await failure).toMatchObject({
      code: 'MILLRACE_INPUT',
      message: 'operator "clicks": kinesis://clicks does not answer for 45 s',
    })
  })

  it('that answer leave no timer behind', async () => {
    const clock = new VirtualClock()
    const warnings: string[] = []
    await checkJob(
      graphOf(() => Promise.resolve()),
      { jobId: 'job', clock, warn: (_, message) => void warnings.push(message) },
    )
    await clock.advance(60_000)
    expect(warnings).toEqual([])
  })
})
