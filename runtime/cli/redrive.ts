import { resolve } from 'node:path'
import { MillraceError } from '../contract/errors.js'
import { redrivePrefix } from '../contract/failed-record.js'
import { openStorage } from '../storage/open-storage.js'
import type { CheckpointStorage } from '../storage/storage.js'

/** What was laid out. */
export interface Redriven {
  /** Records, by operator. */
  readonly redriven: Readonly<Record<string, number>>
  /** Lines that are not: timers, values that could not be kept, other operators' records. */
  readonly kept: number
}

/** The parts of a line that say where it goes. */
interface Address {
  readonly operator: string
  readonly bytes?: string
}

/**
 * Copies the records of all dead-letter files in `place` to where the sources of their operators look for them. The files stay, and so do
 * the names of the copies, emptied once they are read: what is called again, or was ended half way, lays no record out twice.
 * MILLRACE_INPUT for what is no such file.
 */
export async function redrive(place: string, operator: string | undefined): Promise<Redriven> {
  const storage = openStorage(place.startsWith('s3:') ? place : resolve(place.replace(/^file:/, '')))
  const redriven: Record<string, number> = {}
  let kept = 0
  for (const { path } of await storage.list('')) {
    if (!/^[^._/][^/]*\.jsonl$/.test(path)) continue
    const { again, others } = sorted(await linesOf(storage, path), path, operator)
    kept += others
    for (const [uid, lines] of again) {
      const laidOut = await storage.createExclusive(redrivePrefix(uid) + path, asFile(lines))
      if (laidOut === 'created') redriven[uid] = (redriven[uid] ?? 0) + lines.length
    }
  }
  return { redriven, kept }
}

/** In words. */
export function redriveText({ redriven, kept }: Redriven): string {
  const lines = Object.entries(redriven).map(([uid, records]) => `${records} records are laid out for "${uid}"`)
  if (lines.length === 0) lines.push('no records that were not laid out before')
  if (kept > 0) lines.push(`${kept} are not: timers, values that could not be kept, or records of other operators`)
  return lines.join('\n')
}

async function linesOf(storage: CheckpointStorage, path: string): Promise<string[]> {
  const text = (await storage.read(path)).toString('utf8')
  return text.split('\n').filter((line) => line !== '')
}

function sorted(
  lines: readonly string[],
  path: string,
  operator: string | undefined,
): { readonly again: ReadonlyMap<string, string[]>; readonly others: number } {
  const again = new Map<string, string[]>()
  let others = 0
  lines.forEach((line, i) => {
    const { operator: uid, bytes } = addressOf(line, `${path}:${i + 1}`)
    if (bytes === undefined || (operator !== undefined && uid !== operator)) others++
    else if (again.has(uid)) again.get(uid)!.push(line)
    else again.set(uid, [line])
  })
  return { again, others }
}

function addressOf(line: string, where: string): Address {
  try {
    const address = JSON.parse(line) as Address
    if (typeof address.operator === 'string' && /^[\w.-]+$/.test(address.operator)) return address
  } catch {
    // Said below.
  }
  throw new MillraceError('MILLRACE_INPUT', `${where} is no line of a dead-letter file`, {
    hint: 'name the folder that the job gives deadLetter(), with nothing else in it',
  })
}

function asFile(lines: readonly string[]): Buffer {
  return Buffer.from(lines.map((line) => `${line}\n`).join(''))
}
