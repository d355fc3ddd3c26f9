// What a killed job left is damaged before it is submitted again: it says so, by name, publishes nothing new, and goes on as if nothing
// had been once it is whole again.
import { execFileSync, spawnSync } from 'node:child_process'
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { reportOf, type CliResult } from '../cli/run-cli.js'
import { fixture, kill, KilledJob, linesOf, until, visibleParts } from './killed-job.js'
import { windFarm } from './wind-farm.js'

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 })

const farm = windFarm({ files: 2, lines: 3_000 })
const options = ['--checkpoint-interval', '100ms']

let base: string
let job: KilledJob
/** Parts that the newest manifest names: they may be published by whoever goes on. */
let named: readonly string[]

beforeAll(async () => {
  base = realpathSync(mkdtempSync(join(tmpdir(), 'millrace-chaos-')))
  job = farm.job(join(base, 'job'))
  const cli = job.submit({ params: { rate: 300 }, options })
  await until(cli, () => {
    const newest = job.newestCheckpoint()
    const segments = newest?.operators['averages']?.segments ?? []
    return segments.length > 0 && newest!.checkpointId >= 2 && job.lines().length > 0
  })
  await kill(cli)
  named = Object.values(job.newestCheckpoint()!.sinks)
    .flatMap((sink) => sink.committables as { published: string }[])
    .map(({ published }) => published)
  execFileSync('cp', ['-a', join(base, 'job'), join(base, 'killed')])
})

beforeEach(() => {
  rmSync(join(base, 'job'), { recursive: true, force: true })
  execFileSync('cp', ['-a', join(base, 'killed'), join(base, 'job')])
})

afterAll(() => rmSync(base, { recursive: true, force: true }))

/** What others may see in the output folder, by file. */
function output(): Map<string, readonly string[]> {
  return new Map(visibleParts(job.path('out')).map((path) => [path, linesOf(path)]))
}

/** Submits the damaged job and expects it to give up; returns how. What it had published stays; more only where the manifest says so. */
async function givesUp(submitted: Promise<CliResult>, { code }: { readonly code: number }): Promise<CliResult> {
  const before = output()
  const result = await submitted
  expect(result, result.stderr).toMatchObject({ code })
  expect(result.stderr).toMatch(/\n +hint: \S/)
  for (const [path, lines] of output()) {
    if (before.has(path)) expect(lines).toEqual(before.get(path))
    else expect(named).toContain(path.slice(dirname(path).length + 1))
  }
  for (const path of before.keys()) expect(output().has(path)).toBe(true)
  return result
}

/** Submits the job, whole again, and expects all of its output, each line once. */
async function goesOn(): Promise<void> {
  const result = await job.submit({ options }).ended
  expect(result, result.stderr).toMatchObject({ code: 0 })
  expect(reportOf(result)).toMatchObject({
    status: 'FINISHED',
    recordsIn: farm.recordsIn,
    restoredFrom: expect.any(String),
  })
  expect(job.lines()).toEqual(farm.alerts)
}

describe('a checkpoint that was damaged', () => {
  const newestManifest = (): string =>
    job.checkpointPath('manifests', `${String(job.newestCheckpoint()!.position).padStart(12, '0')}.json`)
  const segments = (): string[] =>
    Object.values(job.newestCheckpoint()!.operators).flatMap((operator) =>
      operator.segments.map(({ path }) => job.checkpointPath(path)),
    )
  const biggest = (): string => segments().sort((a, b) => readFileSync(b).length - readFileSync(a).length)[0]!

  const cases: readonly [string, () => string, (path: string) => void][] = [
    ['a manifest cut off', newestManifest, (path) => truncateSync(path, readFileSync(path).length - 40)],
    ['an empty manifest', newestManifest, (path) => truncateSync(path, 0)],
    [
      'a manifest with another number in it',
      newestManifest,
      (path) =>
        rewrite(path, (text) =>
          text.replace(
            /"next": ?\d|"offset": ?\d|"numRecordsIn": ?\d/,
            (found) => `${found.slice(0, -1)}${(Number(found.at(-1)) + 1) % 10}`,
          ),
        ),
    ],
    ['a segment cut off', biggest, (path) => truncateSync(path, readFileSync(path).length >> 1)],
    ['a segment with one bit turned', biggest, (path) => flip(path, readFileSync(path).length >> 2)],
    ['a segment with a bit turned at its end', biggest, (path) => flip(path, readFileSync(path).length - 3)],
    ['a segment that is gone', biggest, (path) => rmSync(path)],
  ]

  it.each(cases)('%s: is named, never worked around', async (_, choose, damage) => {
    const path = choose()
    copyFileSync(path, join(base, 'whole'))
    damage(path)
    const result = await givesUp(job.submit({ options }).ended, { code: expect.any(Number) as number })
    expect(result.code).toBeGreaterThan(0)
    expect(reportOf(result)['failure']).toMatchObject({ code: 'MILLRACE_CORRUPT' })
    expect(result.stderr).toContain(path.slice(job.checkpointPath().length + 1))
    copyFileSync(join(base, 'whole'), path)
    await goesOn()
  })
})

describe('an input that is not what it was', () => {
  it.each([
    ['vanished', (path: string) => renameSync(path, join(base, 'away'))],
    ['shrunk', (path: string) => truncateSync(path, 1_000)],
  ] as const)('%s: is named', async (_, damage) => {
    const path = job.path('in/0.txt')
    copyFileSync(path, join(base, 'whole'))
    damage(path)
    const result = await givesUp(job.submit({ options }).ended, { code: 1 })
    expect(reportOf(result)).toMatchObject({ status: 'FAILED', failure: { code: 'MILLRACE_INPUT' } })
    expect(result.stderr).toContain('in/0.txt')
    copyFileSync(join(base, 'whole'), path)
    await goesOn()
  })
})

describe('a disk that is full', () => {
  const disks: readonly [string, (farmed: KilledJob) => string, string, RegExp][] = [
    ['checkpoints', (farmed) => farmed.checkpointPath(), 'MILLRACE_STORAGE', /cannot \w+ \S+\/chaos\/\S+: disk full/],
    [
      'output',
      (farmed) => farmed.path('out'),
      'MILLRACE_OUTPUT',
      /output out\/\S+ cannot be written: no space left on the disk/,
    ],
  ]

  it.for(disks)(
    'for %s: it is named, nothing of the lost checkpoint is seen, and with more room the job goes on',
    async ([, place, code, message], { skip }) => {
      const full = farm.job(join(base, `full-${code}`))
      const disk = place(full)
      mkdirSync(disk, { recursive: true })
      if (!mountSmall(disk)) skip('only root on Linux can mount a disk that is small enough')
      try {
        const given = [...options, '--restart-attempts', '2']
        const before = await full.submit({ options: given, params: { rate: 1_000 } }).ended
        expect(before, before.stderr).toMatchObject({ code: 1 })
        expect(reportOf(before)).toMatchObject({ status: 'FAILED', failure: { code } })
        expect(before.stderr).toMatch(message)
        expect(before.stderr).toMatch(/\n +hint: (free space|make room)/)
        const published = full.lines()
        expect(farm.alerts).toEqual(expect.arrayContaining(published))
        expect(new Set(published).size).toBe(published.length)

        execFileSync('mount', ['-o', 'remount,size=64m', disk])
        const after = await full.submit({ options: given }).ended
        expect(after, after.stderr).toMatchObject({ code: 0 })
        expect(full.lines()).toEqual(farm.alerts)
      } finally {
        execFileSync('umount', ['-l', disk])
      }
    },
  )
})

describe('a submit that does not fit the checkpoint is refused, with a hint:', () => {
  it('another input', async () => {
    mkdirSync(job.path('other'))
    writeFileSync(job.path('other/0.txt'), '')
    const result = await givesUp(job.submit({ params: { input: 'file:other' }, options }).ended, { code: 2 })
    expect(reportOf(result)).toMatchObject({ status: 'REFUSED', failure: { code: 'MILLRACE_RESTORE' } })
    expect(result.stderr).toMatch(/reads file:.*other/)
    await goesOn()
  })

  it('another output', async () => {
    const result = await givesUp(job.submit({ params: { output: 'file:elsewhere' }, options }).ended, { code: 2 })
    expect(result.stderr).toMatch(/writes to .*elsewhere/)
    expect(visibleParts(job.path('elsewhere'))).toEqual([])
    await goesOn()
  })

  it("another job under this one's id", async () => {
    const other = new KilledJob(job.folder, fixture('slow-page-impressions'), { input: 'file:in', output: 'file:out' })
    const result = await givesUp(other.submit().ended, { code: 2 })
    expect(reportOf(result)).toMatchObject({ status: 'REFUSED', failure: { code: 'MILLRACE_RESTORE' } })
    expect(result.stderr).toMatch(/one of job "windTurbine", this is job "pageImpressions"/)
    await goesOn()
  })
})

function mountSmall(disk: string): boolean {
  return spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'millrace-chaos', disk]).status === 0
}

function rewrite(path: string, change: (text: string) => string): void {
  const before = readFileSync(path, 'utf8')
  const after = change(before)
  if (after === before) throw new Error(`there is nothing of that kind in ${path}`)
  writeFileSync(path, after)
}

function flip(path: string, at: number): void {
  const bytes = readFileSync(path)
  bytes[at]! ^= 16
  writeFileSync(path, bytes)
}
