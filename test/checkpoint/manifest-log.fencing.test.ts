import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ManifestLog } from '../../runtime/checkpoint/manifest-log.js'
import { type CreateFault, FencingWorld } from './fencing-world.js'
import { everySchedule, Schedule } from './schedule.js'

interface Actor {
  readonly name: string
  readonly appends: number
  /** Of its writes, in order; the owner's takeover is not among them. */
  readonly faults?: readonly CreateFault[]
}

/**
 * The owner has made one checkpoint. Then it goes on and newcomers take over, interleaved by the schedule. One checkpoint is retained, so
 * there are as many gaps as can be. Asserts that what was published is one line.
 */
async function history(schedule: Schedule, owner: Actor, newcomers: readonly Actor[]): Promise<FencingWorld> {
  const world = new FencingWorld(schedule)
  const log = await ManifestLog.open(world.storage(owner.name, ['pass', 'pass', ...(owner.faults ?? [])]), {
    jobId: 'job',
    retained: 1,
  })
  await world.takeover(log, owner.name)
  const base = (await world.append(log, `${owner.name}1`, '')) ?? ''
  await log.retire()
  world.scheduled = true
  await schedule.run([
    world.process(owner.name, 2, owner.appends, [], { log, base }),
    ...newcomers.map(({ name, appends, faults }) => world.process(name, 1, appends, faults ?? [])),
  ])
  await world.late()
  await world.assertOneLine()
  return world
}

const everyHistory = (owner: Actor, newcomers: readonly Actor[]): Promise<number> =>
  everySchedule(async (schedule) => void (await history(schedule, owner, newcomers)))

const GIVEN_UP: readonly (readonly CreateFault[])[] = [
  ['lost', 'lost', 'lost'],
  ['done', 'lost', 'lost'],
  ['later', 'lost', 'lost'],
]

describe('an owner and a newcomer, every interleaving', () => {
  it('publish one line of checkpoints', async () => {
    const count = await everyHistory({ name: 'p', appends: 3 }, [{ name: 'q', appends: 2 }])
    expect(count).toBeGreaterThan(500)
  })

  it.each(GIVEN_UP)('publish one line when an append of the owner is given up (%s, %s, %s)', async (...faults) => {
    const count = await everyHistory({ name: 'p', appends: 2, faults }, [{ name: 'q', appends: 1 }])
    expect(count).toBeGreaterThan(80)
  })

  it.each(['lost', 'done', 'later'] as const)(
    'publish one line when a first attempt of each is "%s"',
    async (fault) => {
      const count = await everyHistory({ name: 'p', appends: 1, faults: [fault] }, [
        { name: 'q', appends: 0, faults: fault === 'later' ? [] : [fault] },
      ])
      expect(count).toBeGreaterThan(20)
    },
  )
})

describe('an owner and two newcomers, many interleavings', () => {
  it('publish one line of checkpoints', async () => {
    const fault = fc.constantFrom<CreateFault>('pass', 'pass', 'pass', 'lost', 'done', 'later')
    const faults = fc.array(fault, { maxLength: 5 })
    const choices = fc.array(fc.nat({ max: 5 }), { minLength: 40, maxLength: 60 })
    await fc.assert(
      fc.asyncProperty(choices, faults, faults, faults, async (chosen, ofP, ofQ, ofR) => {
        const newcomers = [
          { name: 'q', appends: 3, faults: ofQ },
          { name: 'r', appends: 3, faults: ofR },
        ]
        await history(new Schedule(chosen), { name: 'p', appends: 5, faults: ofP }, newcomers)
      }),
      { numRuns: 300 },
    )
  })
})
