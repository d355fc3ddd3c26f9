import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { expectedOutput, inputFiles } from './counting-lines.js'
import { Onlooker, World } from './processes.js'

vi.setConfig({ testTimeout: 60_000 })

const files = inputFiles(2, 4_000)
const expected = expectedOutput(files)

let world: World
let onlooker: Onlooker

beforeEach(() => {
  world = new World(mkdtempSync(join(tmpdir(), 'millrace-chaos-')))
  world.input(files)
  onlooker = new Onlooker(world)
})

afterEach(async () => {
  await onlooker.stop()
  expect(onlooker.complaints).toEqual([])
  rmSync(world.folder, { recursive: true, force: true })
})

const aCheckpoint = (): boolean => world.checkpointCount() >= 1

describe('a running job', () => {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    it(`is suspended by ${signal} and goes on with the next submit, at another parallelism too`, async () => {
      const job = world.submit()
      await job.until(aCheckpoint)
      job.process.kill(signal)
      const ended = await job.ended
      expect(ended.code, ended.stderr).toBe(0)
      expect(ended.report).toMatchObject({ status: 'SUSPENDED', failure: null })
      expect(world.newestCheckpoint()).toMatchObject({ suspended: true, final: false })
      // No final watermark: windows are still open, and everything before the stop is out.
      expect(ended.report!.recordsIn).toBeLessThan(files.flat().length)
      expect(ended.report!.recordsOut).toBe(world.lines().length)
      const rest = await world.submit({}, '--parallelism', '3').ended
      expect(rest.report, rest.stderr).toMatchObject({ status: 'FINISHED', recordsIn: files.flat().length })
      expect(rest.report!.restoredFrom).not.toBeNull()
      expect(world.lines()).toEqual(expected)
    })
  }

  it('ends at once with a second signal, and loses nothing', async () => {
    const job = world.submit()
    await job.until(aCheckpoint)
    world.set('flush')
    job.process.kill('SIGTERM')
    await job.until(() => world.hasReached('flush'))
    job.process.kill('SIGINT')
    const ended = await job.ended
    expect(ended.code).toBe(130)
    world.clear('flush')
    expect((await world.submit().ended).report!.status).toBe('FINISHED')
    expect(world.lines()).toEqual(expected)
  })

  it('that cannot take its last checkpoint in time ends with 4, and loses nothing', async () => {
    const job = world.submit({}, '--stop-timeout', '1s')
    await job.until(aCheckpoint)
    world.set('flush')
    await job.until(() => world.hasReached('flush'))
    job.process.kill('SIGTERM')
    const ended = await job.ended
    expect(ended.code, ended.stderr).toBe(4)
    world.clear('flush')
    expect((await world.submit().ended).report!.status).toBe('FINISHED')
    expect(world.lines()).toEqual(expected)
  })

  it('keeps a second submit out, which names the process', async () => {
    const job = world.submit()
    await job.until(() => world.log().length > 0)
    const second = await world.submit().ended
    expect(second.code).toBe(1)
    expect(second.report).toMatchObject({ failure: { code: 'MILLRACE_HELD' } })
    expect(second.report!.failure!.message).toContain(`process ${job.process.pid}`)
    expect((await job.ended).report!.status).toBe('FINISHED')
    expect(world.lines()).toEqual(expected)
  })
})
