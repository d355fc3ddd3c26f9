import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expectedOutput, inputFiles } from '../chaos/counting-lines.js'
import { Onlooker, World, type WorldOptions } from '../chaos/processes.js'
import { randomSource } from '../oracles/random-source.js'
import { drawn, killAgainAndAgain, Victim } from './campaign.js'
import { kinds } from './kinds.js'

/** Lines of each of three files, for each kill; more than are read between two. */
const LINES_PER_KILL = 4000
const JOB = fileURLToPath(new URL('jobs/counted.ts', import.meta.url))

/** How many kills are wanted of a test, each kind once if nobody says, and how long that may take. */
export function wantedKills(): { readonly count: number; readonly seed: number; readonly timeout: number } {
  const count = Number(process.env['MILLRACE_KILLS'] ?? kinds.length)
  return { count, seed: Number(process.env['MILLRACE_SEED'] ?? 1), timeout: 120_000 + 15_000 * count }
}

/**
 * Kills a job so often, then lets it come to its end and compares with an undisturbed run. Resolves with what is wrong: nothing. How often each
 * kind struck goes to the file that the environment names.
 */
export async function runKilled(count: number, seed: number, options: WorldOptions = {}): Promise<string[]> {
  const random = randomSource(seed)
  const folder = mkdtempSync(join(tmpdir(), 'millrace-kills-'))
  const world = new World(folder, { job: JOB, ...options })
  const files = inputFiles(3, LINES_PER_KILL * count)
  world.input(files)
  const onlooker = new Onlooker(world)
  const counts = await killAgainAndAgain(new Victim(world, random), drawn(kinds, count, random), console.log)
  const path = process.env['MILLRACE_KILLS_COUNTS']
  if (path !== undefined) writeFileSync(path, JSON.stringify(Object.fromEntries(counts)))
  const seen = onlooker.seen.size
  const last = await world.submit({ records: 2000 }).ended
  await onlooker.stop()
  const complaints = [...onlooker.complaints]
  const complain = (wrong: boolean, what: string): void => {
    if (wrong) complaints.push(what)
  }
  complain(last.report?.status !== 'FINISHED', `the last process ended as ${last.report?.status}:\n${last.stderr}`)
  complain(last.report?.recordsIn !== files.flat().length, `${last.report?.recordsIn} lines were read`)
  complain(last.report?.restoredFrom == null, 'the last process has not gone on from a checkpoint')
  complain(seen === 0, 'nothing was published before the last process')
  complain(world.hiddenParts().length > 0, `left behind: ${world.hiddenParts().join(', ')}`)
  complain(!equal(world.lines(), expectedOutput(files)), 'the output is another one than that of an undisturbed run')
  if (complaints.length === 0) rmSync(folder, { recursive: true })
  else complaints.push(`see ${folder}`)
  return complaints
}

function equal(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((line, i) => line === b[i])
}
