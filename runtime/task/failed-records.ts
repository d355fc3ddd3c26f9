/**
 * Invariant: a record that an operator's function fails on is emitted once to the `failed` output, or dropped and counted, and the job
 * goes on; what is not the record's fault fails the job. Only there where the job asks for it: other operators pay nothing.
 */
import { MillraceError } from '../contract/errors.js'
import { FAILED_TAG, type FailedRecord, type RecordError, type RedrivenRecord } from '../contract/failed-record.js'
import type { OperatorNode } from '../contract/graph.js'
import type { Key } from '../contract/key.js'
import { operatorFailure, OperatorFailure } from '../contract/operator-failure.js'
import type { Output } from '../contract/output.js'
import { NO_TIMESTAMP, type Clock } from '../contract/time.js'
import { thrownText } from '../contract/thrown-text.js'
import { userFrame } from '../contract/user-frame.js'
import type { KeyedBackend } from '../state/keyed-backend.js'
import type { LocalCounter, LocalMetrics } from './counters.js'
import { refuseUnkeyable } from './lenient-key.js'
import { LimitedWarnings } from './limited-warnings.js'

type KeyOf = (value: unknown) => Key

/** What of an operator's surroundings its failures need. */
interface Surroundings {
  readonly clock: Clock
  readonly sideOutput: (tag: string) => Output<unknown>
  readonly hasSideOutput: (tag: string) => boolean
  readonly warn: (uid: string, message: string) => void
  readonly backend?: KeyedBackend
}

/** Where the failures of one operator subtask go. Slot thread. */
export class FailedRecords {
  private readonly node: OperatorNode
  private readonly wiring: Surroundings
  private readonly output: Output<unknown> | undefined
  private readonly metrics: LocalMetrics
  private readonly received: LocalCounter
  private readonly failed: LocalCounter
  private readonly warnings: LimitedWarnings
  /** How often the record that is being processed has failed before. */
  private failures = 0

  constructor(node: OperatorNode, wiring: Surroundings, metrics: LocalMetrics) {
    this.node = node
    this.wiring = wiring
    this.metrics = metrics
    this.output = wiring.hasSideOutput(FAILED_TAG) ? wiring.sideOutput(FAILED_TAG) : undefined
    this.received = metrics.counter('numRecordsIn')
    this.failed = metrics.counter('numFailedRecords')
    this.warnings = new LimitedWarnings(wiring.clock, 'failed records', (line) => wiring.warn(node.uid, line))
  }

  /** An input of the operator that survives what `process` throws. */
  guard(input: 0 | 1, process: (value: unknown, timestamp: number) => void): Output<unknown> {
    const { received } = this
    const redriven = this.node.redriven === true
    const requireKey = this.keyCheck(input)
    return {
      emit: (element, timestamp) => {
        received.count++
        let value = element
        this.failures = 0
        if (redriven && isRedriven(element)) {
          value = element.value
          this.failures = element.millraceAttempt
        }
        try {
          requireKey?.(value)
          process(value, timestamp)
        } catch (error) {
          this.take(error, { value, input, timestamp, ...this.key() })
        }
      },
    }
  }

  /** A timer's function that survives what it throws. */
  guardTimer(
    domain: 'event' | 'processing',
    fire: (time: number, namespace: number) => void,
  ): (time: number, namespace: number) => void {
    return (time, namespace) => {
      this.failures = 0
      try {
        fire(time, namespace)
      } catch (error) {
        const timestamp = domain === 'event' ? time : NO_TIMESTAMP
        this.take(error, { input: 0, timestamp, timer: { time, domain }, ...this.key() })
      }
    }
  }

  /** For operators that fail after their call: takes the failure of the record that is being processed now. */
  later(value: unknown, timestamp: number): (error: unknown) => void {
    const { failures } = this
    return (error) => {
      this.failures = failures
      this.take(error, { value, input: 0, timestamp })
    }
  }

  private take(error: unknown, of: Pick<FailedRecord, 'value' | 'input' | 'timestamp' | 'key' | 'timer'>): void {
    const { uid } = this.node
    if (!isOfTheRecord(error)) throw operatorFailure(error, uid)
    this.failed.count++
    const attempt = this.failures + 1
    const record: FailedRecord = { uid, ...of, error: asData(error), attempt, failedAtMs: this.wiring.clock.now() }
    if (this.output !== undefined) return this.output.emit(record, of.timestamp)
    this.metrics.counter('numFailedRecordsDropped').count++
    if (this.warnings.next())
      this.wiring.warn(uid, `dropped a ${of.timer ? 'timer' : 'record'}: ${shown(record.error)}`)
  }

  private key(): { readonly key?: Key } {
    const { backend } = this.wiring
    return backend === undefined ? {} : { key: backend.currentKey() }
  }

  /** Throws for a record whose key function failed, and which came all the same: see `lenientKey`. */
  private keyCheck(input: 0 | 1): ((value: unknown) => void) | undefined {
    const edge = this.node.inputs.find((other) => other.input === input)
    if (edge?.partitioning.kind !== 'hash') return undefined
    const keyOf = edge.partitioning.keyOf as KeyOf
    const { backend } = this.wiring
    if (backend === undefined) return (value) => void keyOf(value)
    return (value) => refuseUnkeyable(backend.currentKey(), value, keyOf)
  }
}

function isRedriven(element: unknown): element is RedrivenRecord {
  return typeof (element as Partial<RedrivenRecord> | null)?.millraceAttempt === 'number'
}

/** Not what an operator behind this one, the engine, a disk or the network failed with. */
export function isOfTheRecord(error: unknown): boolean {
  try {
    if (error instanceof OperatorFailure) return false
    if (error instanceof MillraceError) return error.code === 'MILLRACE_USER' || error.code === 'MILLRACE_KEY'
    return (error as { syscall?: unknown } | null)?.syscall === undefined
  } catch {
    // A getter of the user's, or a revoked proxy.
    return true
  }
}

/** Whatever was thrown: what goes wrong in looking at it must not cost the job what its policy saves. */
function asData(error: unknown): RecordError {
  try {
    if (error instanceof Error) return errorAsData(error)
  } catch {
    // One of its getters throws.
  }
  return { name: typeof error, message: thrownText(error) }
}

function errorAsData(error: Error): RecordError {
  const { stack } = error
  const name = error instanceof MillraceError ? error.code : error.name
  const at = (error instanceof MillraceError ? error.at : undefined) ?? userFrame(stack)
  return {
    name: thrownText(name),
    message: thrownText(error.message),
    ...(at === undefined ? {} : { at }),
    ...(stack === undefined ? {} : { stack }),
  }
}

function shown({ name, message, at }: RecordError): string {
  return `${name}: ${message}${at === undefined ? '' : ` (${at})`}`
}
