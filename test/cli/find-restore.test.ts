import { describe, expect, it } from 'vitest'
import { ManifestLog } from '../../runtime/checkpoint/manifest-log.js'
import { confirmRestore, findRestore } from '../../runtime/cli/find-restore.js'
import type { GraphNode } from '../../runtime/contract/graph.js'
import { draft, identity } from '../checkpoint/manifests.js'
import { MemoryStorage } from '../storage/memory-storage.js'

const JOB = { jobName: draft({}).jobName, graph: { nodes: [] as GraphNode[] }, maxParallelism: undefined }

async function found(storage: MemoryStorage) {
  return findRestore(
    { ...JOB, allowNonRestoredState: true },
    {
      storage,
      jobId: 'job',
      identity: identity(1),
      predecessors: [],
      restore: 'latest',
      allowDuplicateOutput: false,
      claim: false,
    },
  )
}

/** Another process runs the job to its end, everything published. */
async function runToEnd(storage: MemoryStorage): Promise<void> {
  const log = await ManifestLog.open(storage, { jobId: 'job' })
  await log.takeover({ nonce: 'n', runId: 'run', holder: identity(2), createdAtMs: 0, choose: (latest) => latest })
  await log.append(draft({ final: true, sinks: {} }))
}

describe('what a submit found to go on from', () => {
  it('is taken if it is still so when the log is taken over', async () => {
    const storage = new MemoryStorage()
    expect(confirmRestore(await found(storage), 'job', undefined)).toBeUndefined()
    await runToEnd(storage)
    const latest = (await ManifestLog.open(storage, { jobId: 'job' })).latest()
    expect(confirmRestore(await found(storage), 'job', latest)).toBeUndefined()
  })

  it('is refused if another process has run the job to its end meanwhile: a fresh start would write everything again', async () => {
    const storage = new MemoryStorage()
    const before = await found(storage)
    await runToEnd(storage)
    const latest = (await ManifestLog.open(storage, { jobId: 'job' })).latest()
    expect(() => confirmRestore(before, 'job', latest)).toThrow(
      expect.objectContaining({ code: 'MILLRACE_HELD', message: expect.stringContaining('another process went on') }),
    )
  })
})
