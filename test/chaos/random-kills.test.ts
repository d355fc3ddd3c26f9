import { describe, expect, it } from 'vitest'
import { reportOf, type CliResult } from '../cli/run-cli.js'
import { tempFolder } from '../cli/temp-folder.js'
import { logLines } from '../jobs/log-lines.js'
import { turbineLines } from '../jobs/turbine-lines.js'
import { randomSource, type RandomSource } from '../oracles/random-source.js'
import { hiddenParts, holds, KilledJob, pause, recordsIn } from './killed-job.js'
import { OutputWatch } from './output-watch.js'

const SEED = Number(process.env['MILLRACE_SEED'] ?? 1)
/** Of each job. */
const KILLS = Number(process.env['MILLRACE_KILLS'] ?? 20) / 2
const FILES = 4
const LINES = 10_000
/** Of each file: so an undisturbed run takes four seconds, whatever the machine and the parallelism. */
const LINES_PER_SECOND = 2_500
const START_MS = Date.UTC(2024, 0, 15)

interface Subject {
  readonly job: string
  readonly outputs: readonly string[]
  readonly params: Readonly<Record<string, string>>
  readonly lines: (random: RandomSource) => readonly { readonly line: string }[]
}

const subjects: readonly Subject[] = [
  {
    job: 'slow-wind-turbine',
    outputs: ['out', 'invalid', 'late'],
    params: { threshold: '45', window: '60s' },
    lines: (random) => turbineLines(random, { count: LINES, startMs: START_MS, disorderMs: 5_000 }),
  },
  {
    job: 'slow-page-impressions',
    outputs: ['out', 'bots', 'invalid', 'late'],
    params: { gap: '20s', maxOutOfOrderness: '10s' },
    lines: (random) => logLines(random, { count: LINES, startMs: START_MS, stepMs: 2_000, disorderMs: 10_000 }),
  },
]

describe.each(subjects)('$job', (subject) => {
  it(
    `killed ${KILLS} times at random, at changing parallelism, gives what an undisturbed run gives`,
    { timeout: 60_000 + KILLS * 12_000 },
    async () => {
      const random = randomSource(SEED)
      const input = inputFiles(subject, random)
      const undisturbed = jobOf(subject, tempFolder(input))
      const result = await undisturbed.submit({ params: { rate: 0 } }).ended
      expect(result, result.stderr).toMatchObject({ code: 0 })
      expect(undisturbed.lines().length).toBeGreaterThan(300)

      // A run that was quicker than its kill begins the next round.
      for (let kills = 0; kills < KILLS;) {
        const job = jobOf(subject, tempFolder(input))
        const watch = new OutputWatch(subject.outputs.map((name) => job.path(name)))
        const total = reportOf(result)['recordsIn'] as number
        const { killed, last, partsBeforeEnd } = await killUntilFinished(job, watch, random, KILLS - kills, total)
        kills += killed
        await watch.stop()

        expect(watch.complaints).toEqual([])
        expect(partsBeforeEnd).toBeGreaterThan(0)
        for (const name of subject.outputs) {
          expect(job.lines(name), name).toEqual(undisturbed.lines(name))
          expect(hiddenParts(job.path(name))).toEqual([])
        }
        expect(job.lines('late')).toEqual([])
        const { recordsIn, recordsOut, lateRecordsDropped } = reportOf(result)
        expect(reportOf(last)).toMatchObject({ recordsIn, recordsOut, lateRecordsDropped, status: 'FINISHED' })
      }
    },
  )
})

/** Submits the job and kills it, `kills` times, then lets it finish. */
async function killUntilFinished(
  job: KilledJob,
  watch: OutputWatch,
  random: RandomSource,
  kills: number,
  total: number,
): Promise<{ readonly killed: number; readonly last: CliResult; readonly partsBeforeEnd: number }> {
  for (let killed = 0; ; killed++) {
    const before = job.newestCheckpoint()
    const epochs = job.epochs().length
    const partsBeforeEnd = watch.parts
    const cli = job.submit({ parallelism: random.between(1, 4), params: { rate: LINES_PER_SECOND } })
    if (killed < kills) {
      await randomMoment(job, cli, random, (total * (killed + random.below(100) / 100)) / (kills + 2))
      cli.child.kill('SIGKILL')
    }
    const ended = await cli.ended
    // It went on from the newest checkpoint that there was, never from an older one.
    const begun = job.epochs().slice(epochs)
    expect(begun.map(({ continues }) => continues)).toEqual(begun.map(() => before?.position ?? null))
    if (ended.signal === 'SIGKILL') continue
    expect(ended, ended.stderr).toMatchObject({ code: 0 })
    const from = before === undefined ? null : expect.stringMatching(new RegExp(`/0*${before.position}\\.json$`))
    expect(reportOf(ended)).toMatchObject({ restoredFrom: from })
    return { killed, last: ended, partsBeforeEnd }
  }
}

/** One time in four while the process starts or restores; else once it has read this far and completed a checkpoint, and a little later. */
async function randomMoment(
  job: KilledJob,
  cli: ReturnType<KilledJob['submit']>,
  random: RandomSource,
  records: number,
): Promise<void> {
  const laterMs = random.below(80)
  if (random.chance(0.25)) return pause(20 * laterMs)
  let newest = job.manifestNames().at(-1)
  await holds(cli, () => {
    const name = job.manifestNames().at(-1)
    if (name === newest) return false
    newest = name
    const entry = job.log().at(-1)
    return entry?.kind === 'checkpoint' && recordsIn(entry) >= records
  })
  await pause(laterMs)
}

function inputFiles(subject: Subject, random: RandomSource): Record<string, string> {
  const files = Array.from({ length: FILES }, (_, i) => {
    const lines = subject.lines(random).map(({ line }) => `${line}\n`)
    return [`in/${i}.txt`, lines.join('')] as const
  })
  return Object.fromEntries(files)
}

function jobOf(subject: Subject, folder: string): KilledJob {
  const [, ...others] = subject.outputs
  const outputs = Object.fromEntries(others.map((name) => [name, `file:${name}`]))
  return new KilledJob(folder, subject.job, { input: 'file:in', output: 'file:out', ...outputs, ...subject.params })
}
