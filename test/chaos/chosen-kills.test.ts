import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { expectedOutput, inputFiles } from './counting-lines.js'
import { Onlooker, pause, World, type Ended } from './processes.js'

vi.setConfig({ testTimeout: 60_000 })

const files = inputFiles(3, 3_000)
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
  rmSync(world.folder, { recursive: true, force: true })
})

/** Starts the job, lets it come to the stop once `after` holds, and kills it there. */
async function killAt(stop: string, after: () => boolean = () => true): Promise<void> {
  const job = world.submit()
  await job.until(after)
  world.set(stop)
  await job.until(() => world.hasReached(stop))
  await job.kill()
  world.clear(stop)
}

/** Submits again and expects the undisturbed run's output, each line once. */
async function finish(): Promise<Ended> {
  const ended = await world.submit().ended
  expect(ended.report, ended.stderr).toMatchObject({
    status: 'FINISHED',
    failure: null,
    recordsIn: files.flat().length,
  })
  expect(ended.code).toBe(0)
  await onlooker.stop()
  expect(onlooker.complaints).toEqual([])
  expect(world.lines()).toEqual(expected)
  expect(world.hiddenParts()).toEqual([])
  return ended
}

/** The position in the log that a report names. */
function positionOf(ended: Ended): number {
  return Number(/(\d+)\.json$/.exec(ended.report!.restoredFrom!)![1])
}

const twoCheckpoints = (): boolean => world.checkpointCount() >= 2

describe('a job killed', () => {
  it('before its first checkpoint starts over', async () => {
    const job = world.submit({}, '--checkpoint-interval', '1h')
    await job.until(() => world.hiddenParts().length > 0)
    await job.kill()
    expect(world.newestCheckpoint()).toBeUndefined()
    expect((await finish()).report!.restoredFrom).toBeNull()
  })

  it('while barriers are being aligned goes on from the checkpoint before', async () => {
    const job = world.submit()
    await job.until(twoCheckpoints)
    world.set('poll')
    await job.until(() => world.hasReached('poll'))
    // One reader stands still: by now the other has passed a barrier on, and a checkpoint that was under way has become complete or not.
    await pause(200)
    const before = world.newestCheckpoint()!
    await pause(200)
    expect(world.newestCheckpoint()!.position).toBe(before.position)
    await job.kill()
    world.clear('poll')
    expect(positionOf(await finish())).toBe(before.position)
  })

  it('with everything written but the manifest goes on from the checkpoint before', async () => {
    await killAt('flush', twoCheckpoints)
    const before = world.newestCheckpoint()!
    expect(world.hiddenParts().length).toBeGreaterThan(0)
    expect(positionOf(await finish())).toBe(before.position)
  })

  it('behind the manifest and before the commit publishes what it names', async () => {
    await killAt('before-commit', twoCheckpoints)
    const newest = world.newestCheckpoint()!
    expect(newest.sinks['counts']!.committables.length).toBeGreaterThan(0)
    expect(positionOf(await finish())).toBe(newest.position)
  })

  it('between two parts of a commit publishes the rest', async () => {
    await killAt('within-commit', twoCheckpoints)
    const newest = world.newestCheckpoint()!
    expect(newest.sinks['counts']!.committables.length).toBeGreaterThan(1)
    expect(positionOf(await finish())).toBe(newest.position)
  })

  it('behind the commit goes on from that checkpoint', async () => {
    await killAt('after-commit', twoCheckpoints)
    const newest = world.newestCheckpoint()!
    expect(positionOf(await finish())).toBe(newest.position)
  })

  it('while it restores, again and again, goes on from the same checkpoint', async () => {
    await killAt('before-commit', twoCheckpoints)
    const newest = world.newestCheckpoint()!
    for (const stop of ['before-commit', 'within-commit', 'recover', 'create-writer', 'create-writer']) {
      world.set(stop)
      await killAt(stop)
    }
    expect(world.newestCheckpoint()!.position).toBe(newest.position)
    expect(positionOf(await finish())).toBe(newest.position)
  })

  it('in its last commit is finished by the next submit', async () => {
    const job = world.submit({}, '--checkpoint-interval', '1h')
    world.set('within-commit')
    await job.until(() => world.hasReached('within-commit'))
    await job.kill()
    world.clear('within-commit')
    const last = world.newestCheckpoint()!
    expect(last.final).toBe(true)
    expect(positionOf(await finish())).toBe(last.position)
  })

  it('when all is committed, before it could say so, does nothing twice', async () => {
    await killAt('close', twoCheckpoints)
    expect(world.newestCheckpoint()!.final).toBe(true)
    expect(world.lines()).toEqual(expected)
    const ended = await finish()
    expect(positionOf(ended)).toBe(world.newestCheckpoint()!.position)
    // That was reported: from now on it is another run.
    const again = await world.submit().ended
    expect(again.report!.restoredFrom).toBeNull()
    expect(world.lines()).toHaveLength(2 * expected.length)
  })
})
