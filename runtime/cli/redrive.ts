import { resolve } from 'node:path'
import { MillraceError } from '../contract/errors.js'
import { redrivePrefix } from '../contract/failed-record.js'
import { openStorage } from '../storage/open-storage.js'
import type { CheckpointStorage } from '../storage/storage.js'

/** Which letters. */
export interface RedriveChoice {
  readonly job?: string
  readonly operator?: string
}

/** What was laid out. */
export interface Redriven {
  /** Records, by job and operator. */
  readonly redriven: Readonly<Record<string, Readonly<Record<string, number>>>>
  /** Lines that are not: timers, values that could not be kept, those that were not chosen. */
  readonly kept: number
}

/** The parts of a line that say where it goes. */
interface Address {
  readonly job: string
  readonly operator: string
  readonly bytes?: string
}

/** The lines of one dead-letter file for one operator. */
interface Parcel extends Address {
  readonly lines: string[]
}

/**
 * Copies the records of all dead-letter files in `place` to where the sources of their operators look for them. The files stay, and so do
 * the copies: what is called again, or was ended half way, lays no record out twice.
 * MILLRACE_INPUT where there is no such file, or something else, or no line that was chosen.
 */
export async function redrive(place: string, choice: RedriveChoice = {}): Promise<Redriven> {
  const storage = openStorage(place.startsWith('s3:') ? place : resolve(place.replace(/^file:/, '')))
  const files = (await storage.list('')).filter(({ path }) => /^[^._/][^/]*\.jsonl$/.test(path))
  if (files.length === 0) throw noLetters(storage)
  const redriven: Record<string, Record<string, number>> = {}
  const seen = new Set<string>()
  let chosen = 0
  let kept = 0
  for (const { path } of files) {
    const parcels = new Map<string, Parcel>()
    const lines = await linesOf(storage, path)
    lines.forEach((line, i) => {
      const address = addressOf(line, `${path}:${i + 1}`)
      const name = `"${address.operator}" of job "${address.job}"`
      seen.add(name)
      const isChosen = matches(address, choice)
      if (isChosen) chosen++
      if (!isChosen || address.bytes === undefined) kept++
      else if (parcels.has(name)) parcels.get(name)!.lines.push(line)
      else parcels.set(name, { ...address, lines: [line] })
    })
    for (const { job, operator, lines } of parcels.values()) {
      const laidOut = await storage.createExclusive(redrivePrefix(job, operator) + path, asFile(lines))
      if (laidOut === 'exists') continue
      const operators = (redriven[job] ??= {})
      operators[operator] = (operators[operator] ?? 0) + lines.length
    }
  }
  if (chosen === 0) throw noneChosen(storage, choice, [...seen])
  return { redriven, kept }
}

/** In words. */
export function redriveText({ redriven, kept }: Redriven): string {
  const lines = Object.entries(redriven).flatMap(([job, operators]) =>
    Object.entries(operators).map(([uid, records]) => `${records} records are laid out for "${uid}" of job "${job}"`),
  )
  if (lines.length === 0) lines.push('no records that were not laid out before')
  if (kept > 0) lines.push(`${kept} are not: timers, values that could not be kept, or records that were not chosen`)
  return lines.join('\n')
}

function matches(address: Address, { job, operator }: RedriveChoice): boolean {
  return (job ?? address.job) === address.job && (operator ?? address.operator) === address.operator
}

async function linesOf(storage: CheckpointStorage, path: string): Promise<string[]> {
  const text = (await storage.read(path)).toString('utf8')
  return text.split('\n').filter((line) => line !== '')
}

function addressOf(line: string, where: string): Address {
  try {
    const address = JSON.parse(line) as Address
    if (isName(address.job) && isName(address.operator)) return address
  } catch {
    // Said below.
  }
  throw new MillraceError('MILLRACE_INPUT', `${where} is no line of a dead-letter file`, {
    hint: 'name the folder that the job gives deadLetter(), with nothing else in it',
  })
}

/** Of a folder, and of none above it. */
function isName(name: unknown): boolean {
  return typeof name === 'string' && /^[\w.-]+$/.test(name) && !/^\.+$/.test(name)
}

function noLetters(storage: CheckpointStorage): MillraceError {
  return new MillraceError('MILLRACE_INPUT', `there is no dead-letter file in ${storage.describe()}`, {
    hint: 'name the folder or s3:// URL that the job gives deadLetter()',
  })
}

function noneChosen(storage: CheckpointStorage, { job, operator }: RedriveChoice, seen: string[]): MillraceError {
  const of = operator === undefined ? '' : ` of operator "${operator}"`
  const from = job === undefined ? '' : ` of job "${job}"`
  return new MillraceError('MILLRACE_INPUT', `there are no dead letters${of}${from} in ${storage.describe()}`, {
    ...(seen.length === 0 ? {} : { hint: `there are those of ${seen.toSorted().join(', ')}` }),
  })
}

function asFile(lines: readonly string[]): Buffer {
  return Buffer.from(lines.map((line) => `${line}\n`).join(''))
}
