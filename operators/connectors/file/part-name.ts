import { createHash } from 'node:crypto'

// The names of a part, hidden while it is written and once it is published:
//
//     .part-<run>-<uid>-<subtask>-e<epoch>a<attempt>s<sequence>.inprogress
//     part-<run>-<uid>-<subtask>-<checkpoint>-e<epoch>a<attempt>s<sequence>.jsonl
//
// A run has no dash in it and the numbers at the end have a fixed form, so no two runs and no two uids share a name.

const LONGEST = 80

/** What a writer's parts have in common. */
export interface PartOwner {
  readonly prefix: string
  readonly runId: string
  readonly uid: string
  readonly subtask: number
  readonly epoch: number
  readonly attempt: number
}

/** The hidden name, before it is known which checkpoint the part belongs to. */
export function hiddenName(owner: PartOwner, sequence: number): string {
  return `.${stem(owner)}-${serial(owner, sequence)}.inprogress`
}

/** The name that others see. */
export function publishedName(owner: PartOwner, checkpointId: number, sequence: number, extension: string): string {
  return `${stem(owner)}-${checkpointId}-${serial(owner, sequence)}${extension}`
}

/** Matches the hidden parts of one sink of one run; group 1 is the epoch. */
export function hiddenPattern(prefix: string, runId: string, uid: string): RegExp {
  const own = `.${prefix}-${escapeRun(runId)}-${escapeUid(uid)}`
  return new RegExp(`^${literal(own)}-\\d+-e(\\d+)a\\d+s\\d+\\.inprogress$`)
}

/** Matches published parts of any run and uid; group 1 is the run as {@link escapeRun} writes it. */
export function publishedPattern(prefix: string): RegExp {
  return new RegExp(`^${literal(prefix)}-([^-]*)-.+-\\d+-\\d+-e\\d+a\\d+s\\d+\\.\\w+$`)
}

/** A run id as it stands in names: dashes as dots, and what {@link escapeUid} escapes. */
export function escapeRun(runId: string): string {
  return shorten(escape(runId, /[A-Za-z0-9_-]/).replaceAll('-', '.'), runId)
}

/** A uid as it stands in names: other characters than letters, digits, `_` and `-` as `~` and two hexadecimal digits a byte. */
export function escapeUid(uid: string): string {
  return shorten(escape(uid, /[A-Za-z0-9_-]/), uid)
}

function stem({ prefix, runId, uid, subtask }: PartOwner): string {
  return `${prefix}-${escapeRun(runId)}-${escapeUid(uid)}-${subtask}`
}

function serial({ epoch, attempt }: PartOwner, sequence: number): string {
  return `e${epoch}a${attempt}s${sequence}`
}

function escape(text: string, plain: RegExp): string {
  let escaped = ''
  for (const byte of Buffer.from(text)) {
    const char = String.fromCharCode(byte)
    escaped += plain.test(char) ? char : `~${byte.toString(16).padStart(2, '0')}`
  }
  return escaped
}

/** File systems allow 255 bytes for the whole name. `~~` does not occur in what was not shortened. */
function shorten(escaped: string, text: string): string {
  if (escaped.length <= LONGEST) return escaped
  return `${escaped.slice(0, LONGEST / 2)}~~${createHash('sha256').update(text).digest('hex').slice(0, 20)}`
}

function literal(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
}
