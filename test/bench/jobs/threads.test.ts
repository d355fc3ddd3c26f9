import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { expected, RECORDS } from './expected.js'

const start = fileURLToPath(new URL('../../../bench/start.mjs', import.meta.url))

function bench(...args: string[]): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(process.execPath, [start, ...args], { encoding: 'utf8', timeout: 60_000 })
}

function lineOf(job: string, ...args: string[]): Record<string, unknown> {
  const { status, stdout, stderr } = bench('--job', job, '--records', String(RECORDS), ...args)
  expect({ status, stderr: status === 0 ? '' : stderr }).toEqual({ status: 0, stderr: '' })
  return JSON.parse(stdout.trim().split('\n').at(-1)!) as Record<string, unknown>
}

function answerTo(job: string): Record<string, unknown> {
  const { count, checksum } = expected.find(({ name }) => name === job)!
  return { result_count: count, result_checksum: checksum }
}

describe('npm run bench', { timeout: 60_000 }, () => {
  it('prints its figures and the right answer on threads', () => {
    const line = lineOf('q5', '--parallelism', '2')
    expect(line).toMatchObject({ ...answerTo('q5'), job: 'q5', records: RECORDS, parallelism: 2, checkpoints: 1 })
    expect(line['engine']).toMatch(/^millrace-\d+\.\d+\.\d+$/)
    const times = [
      'wall_ms',
      'records_per_s',
      'cpu_s',
      'records_per_cpu_s',
      'steady_records_per_s',
      'steady_records_per_cpu_s',
    ]
    for (const name of [...times, 'deploy_ms', 'peak_rss_mb']) expect(line[name], name).toBeGreaterThan(0)
  })

  it.each([
    ['wind', '2', '--kill-worker-after'],
    ['sessionize', '4', '--fail-after'],
    ['dedup', '1', '--kill-worker-after'],
  ])('%s at parallelism %s comes to the right answer after %s', (job, parallelism, failure) => {
    const line = lineOf(job, '--parallelism', parallelism, '--checkpoint-interval', '20', failure, '1000')
    expect(line).toMatchObject(answerTo(job))
    expect(line['failed_at_record']).toBeGreaterThanOrEqual(1000)
    expect(line['recover_first_output_ms']).toBeGreaterThan(0)
  })

  it('names a job that does not exist', () => {
    const { status, stderr } = bench('--job', 'q6', '--records', '10')
    expect(status).toBe(1)
    expect(stderr).toContain('--job: no such job')
  })
})
