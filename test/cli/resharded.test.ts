import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { reportOf, runCli } from './run-cli.js'
import { tempFolder } from './temp-folder.js'

const JOB = fileURLToPath(new URL('../fixtures/jobs/resharded.ts', import.meta.url))

describe('a stream that is resharded, on threads', () => {
  for (const seed of [1, 2]) {
    it(
      `has no record late, lost, twice or before an older one of its key, seed ${seed}`,
      { timeout: 60_000 },
      async () => {
        const folder = tempFolder({})
        const params = [`seed=${seed}`, 'output=file:out', 'late=file:late'].flatMap((pair) => ['--param', pair])
        const options = ['--parallelism', '4', '--checkpoint-interval', '50ms', '--restart-attempts', '0', '--json']
        const result = await runCli(folder, ['submit', JOB, ...options, ...params, '--checkpoint-dir', 'checkpoints'])
        const { status, recordsIn, recordsOut, lateRecordsDropped } = reportOf(result)
        expect(status, result.stderr).toBe('FINISHED')
        expect(recordsIn).toBeGreaterThan(10_000)
        expect({ recordsOut, lateRecordsDropped }).toEqual({ recordsOut: recordsIn, lateRecordsDropped: 0 })
        const late = join(folder, 'late')
        expect(existsSync(late) ? readdirSync(late).filter((name) => !/^[._]/.test(name)) : []).toEqual([])
      },
    )
  }
})
