import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { expectedOutput, inputFiles } from './counting-lines.js'
import { pause, World, type Ended } from './processes.js'

vi.setConfig({ testTimeout: 60_000 })

const files = inputFiles(2, 3_000)
const expected = expectedOutput(files)
/** Somewhere in the middle. */
const AT = 3_001

let world: World
let marker: string

beforeEach(() => {
  world = new World(mkdtempSync(join(tmpdir(), 'millrace-chaos-')))
  world.input(files)
  marker = join(world.folder, 'marker')
})
afterEach(() => rmSync(world.folder, { recursive: true, force: true }))

function expectFinished(ended: Ended): void {
  expect(ended.report, ended.stderr).toMatchObject({
    status: 'FINISHED',
    failure: null,
    recordsIn: files.flat().length,
  })
  expect(ended.code).toBe(0)
  expect(world.lines()).toEqual(expected)
  expect(world.hiddenParts()).toEqual([])
}

describe('a job whose function', () => {
  it('throws once goes on by itself, and each line counts once', async () => {
    const ended = await world.submit({ fault: 'throw', at: AT, marker }).ended
    expect(existsSync(marker)).toBe(true)
    expect(ended.stderr).toContain('as the test wants it')
    expectFinished(ended)
  })

  it('calls process.exit once goes on by itself, and each line counts once', async () => {
    const ended = await world.submit({ fault: 'exit', at: AT, marker }).ended
    expect(existsSync(marker)).toBe(true)
    expect(ended.stderr).toContain('worker exited with code: 3')
    expectFinished(ended)
  })

  it('fills the memory once goes on by itself, and each line counts once', async () => {
    const ended = await world.submit({ fault: 'memory', at: AT, marker }, '--memory', '64MB').ended
    expect(existsSync(marker)).toBe(true)
    expect(ended.stderr).toMatch(/out of memory/)
    expectFinished(ended)
  })

  it('keeps a table that grows and grows goes on by itself, and each line counts once', async () => {
    const ended = await world.submit({ fault: 'leak', at: AT, marker, everyMs: 100 }, '--memory', '64MB').ended
    expect(existsSync(marker)).toBe(true)
    expect(ended.stderr).toMatch(/slot \d ran out of memory/)
    expectFinished(ended)
  })

  it('never returns once goes on by itself, and each line counts once', async () => {
    const ended = await world.submit({ fault: 'loop', at: AT, marker }, '--watchdog-timeout', '2s').ended
    expect(ended.stderr).toContain('did not come back within 2000 ms')
    expectFinished(ended)
  })

  it('never returns fails for good, and operator and line are named', async () => {
    const options = ['--watchdog-timeout', '1s', '--restart-attempts', '0']
    const ended = await world.submit({ fault: 'loop', at: AT }, ...options).ended
    expect(ended.stderr).toMatch(/slot \d has done nothing else for 1 s, at \S+counting\.ts:\d+:\d+/)
    expect(ended.report).toMatchObject({ status: 'FAILED', failure: { code: 'MILLRACE_WATCHDOG' } })
    const { message, at } = ended.report!.failure!
    expect(message).toContain('operator "map-1"')
    expect(at).toMatch(/counting\.ts:\d+:\d+$/)
  })

  it('never returns from open fails for good, and the operator is named', async () => {
    const options = ['--watchdog-timeout', '1s', '--restart-attempts', '0']
    const ended = await world.submit({ fault: 'open' }, ...options).ended
    expect(ended.report).toMatchObject({ status: 'FAILED', failure: { code: 'MILLRACE_WATCHDOG' } })
    expect(ended.report!.failure!.message).toContain('operator "numbers"')
  })

  it('is only paused, with its whole process, goes on as if nothing had been', async () => {
    const submitted = world.submit({}, '--watchdog-timeout', '1s')
    await submitted.until(() => world.checkpointCount() > 2)
    submitted.process.kill('SIGSTOP')
    await pause(3_000)
    submitted.process.kill('SIGCONT')
    const ended = await submitted.ended
    expect(ended.stderr).not.toContain('slot')
    expectFinished(ended)
  })

  it('throws each time fails for good with the first failure and the line in the job file', async () => {
    const ended = await world.submit({ fault: 'throw', at: AT }).ended
    expect(ended.code).toBe(1)
    expect(ended.report).toMatchObject({ status: 'FAILED', failure: { code: 'MILLRACE_USER' } })
    const { message, at } = ended.report!.failure!
    expect(message).toContain('as the test wants it')
    expect(at).toMatch(/counting\.ts:\d+:\d+$/)
    // What is committed stays, and a mended job goes on from there.
    const again = await world.submit().ended
    expect(again.report!.restoredFrom).not.toBeNull()
    expectFinished(again)
  })

  it('ends its thread each time fails for good and says so', async () => {
    const ended = await world.submit({ fault: 'exit', at: AT }).ended
    expect(ended.code).toBe(1)
    expect(ended.report).toMatchObject({ status: 'FAILED', failure: { code: 'MILLRACE_WORKER' } })
  })
})
