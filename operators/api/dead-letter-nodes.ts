import { MillraceError } from '../../runtime/contract/errors.js'
import { FAILED_TAG } from '../../runtime/contract/failed-record.js'
import type { Partitioning } from '../../runtime/contract/graph.js'
import type { Key } from '../../runtime/contract/key.js'
import type { Operator, OperatorContext } from '../../runtime/contract/operator.js'
import type { Output } from '../../runtime/contract/output.js'
import { atOf } from '../process/user-function.js'
import type { DeadLetters, RedrivenLetter } from './error-policy.js'
import type { Port, PortInput, Transformation, Work } from './transformation.js'

const SECOND_INPUT = 'second'

/** What an operator with dead letters needs around it: sources of what is redriven, and the file. */
export interface DeadLetterNodes {
  readonly before: readonly Transformation[]
  readonly after: readonly Transformation[]
  /** Its inputs, with what is redriven. */
  readonly inputs: readonly PortInput[]
}

/**
 *     records ----------------------------> operator --> results
 *     <uid>.redrive (--> router, if it                --> failed --> <uid>.dead-letter
 *     has two inputs) -------------------->
 *
 * MILLRACE_GRAPH for an operator without a uid: its dead letters are found by it.
 */
export function deadLetterNodes(owner: Transformation, letters: DeadLetters, bounded: boolean): DeadLetterNodes {
  const { uid, inputs } = owner
  if (uid === undefined) throw noUid(owner)
  const add = (what: string, id: string, from: readonly PortInput[], work: Work): Transformation => {
    return { id: owner.id, what, inputs: from, work, site: owner.site, uid: `${uid}.${id}`, name: what }
  }
  const source = add('redrive', 'redrive', [], {
    kind: 'source',
    source: letters.redriven(uid, bounded),
    // Without event time of its own: it never holds back what the others have.
    watermarks: { generator: { kind: 'none' }, idlenessMs: 1 },
  })
  const failed: Port = { from: owner, tag: FAILED_TAG, partitioning: { kind: 'forward' } }
  const sink = add('dead letters', 'dead-letter', [{ port: failed, input: 0 }], {
    kind: 'sink',
    sink: letters.sink,
  })
  if (!inputs.some(({ input }) => input === 1)) {
    return { before: [source], after: [sink], inputs: [...inputs, again(inputs, 0, source)] }
  }
  const router = add(
    'redrive router',
    'redrive-router',
    [{ port: { from: source, partitioning: { kind: 'forward' } }, input: 0 }],
    {
      kind: 'operator',
      keyed: false,
      states: [],
      create: () => new RedriveRouter(),
    },
  )
  return {
    before: [source, router],
    after: [sink],
    inputs: [...inputs, again(inputs, 0, router), again(inputs, 1, router, SECOND_INPUT)],
  }
}

/** What is redriven, into an input, spread as that is: the same key goes to the same state. */
function again(inputs: readonly PortInput[], input: 0 | 1, from: Transformation, tag?: string): PortInput {
  const { partitioning } = inputs.find((other) => other.input === input)!.port
  return { port: { from, partitioning: redriven(partitioning), ...(tag === undefined ? {} : { tag }) }, input }
}

function redriven(partitioning: Partitioning): Partitioning {
  // Of what is broadcast, each subtask has failed by itself.
  if (partitioning.kind !== 'hash') return { kind: 'rebalance' }
  const keyOf = partitioning.keyOf as (value: unknown) => Key
  return { kind: 'hash', keyOf: ({ value }: RedrivenLetter) => keyOf(value) }
}

/** Sends what is redriven to the input that it came in by. */
class RedriveRouter implements Operator<RedrivenLetter, RedrivenLetter> {
  private first!: Output<RedrivenLetter>
  private second!: Output<RedrivenLetter>

  open(ctx: OperatorContext<RedrivenLetter>): void {
    this.first = ctx.output
    this.second = ctx.sideOutput(SECOND_INPUT)
  }

  processElement(letter: RedrivenLetter, timestamp: number): void {
    const output = letter.input === 0 ? this.first : this.second
    output.emit(letter, timestamp)
  }
}

function noUid({ what, site }: Transformation): MillraceError {
  return new MillraceError(
    'MILLRACE_GRAPH',
    `the ${what} has dead letters, but no uid by which they could be fed again`,
    {
      hint: "put .uid('...') behind it",
      ...atOf(site),
    },
  )
}
