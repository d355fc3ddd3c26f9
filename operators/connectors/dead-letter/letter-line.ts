import { ValueReader } from '../../../runtime/codec/value-reader.js'
import { ValueWriter } from '../../../runtime/codec/value-writer.js'
import { MillraceError } from '../../../runtime/contract/errors.js'
import type { FailedRecord } from '../../../runtime/contract/failed-record.js'
import { thrownText } from '../../../runtime/contract/thrown-text.js'
import { NO_TIMESTAMP } from '../../../runtime/contract/time.js'
import type { RedrivenLetter } from '../../api/error-policy.js'

/** A line of a dead-letter file. */
interface LetterLine {
  /** Its id: letters go back to the job they came from, not to another one that shares the place. */
  readonly job: string
  readonly operator: string
  readonly attempt: number
  readonly failedAt: string
  readonly error: FailedRecord['error']
  readonly input: 0 | 1
  /** Epoch milliseconds; null: none. */
  readonly timestamp: number | null
  readonly timer?: FailedRecord['timer']
  readonly key?: unknown
  /** For people: JSON knows fewer types. */
  readonly value?: unknown
  /** The value itself, in base64: it is read back from here. Not there for timers, and for what no thread could be sent. */
  readonly bytes?: string
}

/** A line of a dead-letter file, read back. */
export interface Letter {
  readonly operator: string
  /** Undefined for what cannot be fed again. */
  readonly again: { readonly letter: RedrivenLetter; readonly timestamp: number } | undefined
}

/** A record that a job failed on as one line, without the line end. */
export function toLine(job: string, record: FailedRecord): string {
  const { uid: operator, attempt, failedAtMs, error, input, timestamp, timer, key } = record
  const line: LetterLine = {
    job,
    operator,
    attempt,
    failedAt: new Date(failedAtMs).toISOString(),
    error,
    input,
    timestamp: Number.isFinite(timestamp) ? timestamp : null,
    ...(timer === undefined ? {} : { timer }),
    ...(key === undefined ? {} : { key: shown(key) }),
    ...('value' in record ? { value: shown(record.value), ...encoded(record.value) } : {}),
  }
  return JSON.stringify(line)
}

/** What {@link toLine} wrote. MILLRACE_INPUT for anything else; `where` names it. */
export function parseLine(text: string, where: string): Letter {
  try {
    const { operator, attempt, input, timestamp, bytes } = JSON.parse(text) as LetterLine
    if (typeof operator !== 'string' || !Number.isSafeInteger(attempt))
      throw new Error('it names no operator or attempt')
    if (bytes === undefined) return { operator, again: undefined }
    const reader = new ValueReader()
    reader.setSource(Buffer.from(bytes, 'base64'))
    const letter = { millraceAttempt: attempt, input, value: reader.readValue() }
    return { operator, again: { letter, timestamp: timestamp ?? NO_TIMESTAMP } }
  } catch (cause) {
    const message = `${where} is no line of a dead-letter file: ${cause instanceof Error ? cause.message : String(cause)}`
    throw new MillraceError('MILLRACE_INPUT', message, { cause, hint: 'mend the line, or take it out' })
  }
}

function encoded(value: unknown): { readonly bytes?: string } {
  const writer = new ValueWriter()
  try {
    writer.writeValue(value)
  } catch {
    return {}
  }
  return { bytes: Buffer.from(writer.bytes()).toString('base64') }
}

/** A value that JSON takes, or how it looks as text. */
function shown(value: unknown): unknown {
  try {
    const text = JSON.stringify(value, (_, part: unknown) => (typeof part === 'bigint' ? String(part) : part))
    return text === undefined ? thrownText(value) : (JSON.parse(text) as unknown)
  } catch {
    return thrownText(value)
  }
}
