/**
 * Puts records of one key and pane together before they are sent over a hash edge; the receiver takes the results through
 * `Operator.processPartial`. It has a current pane, which holds the event times from `pane` up to but not including `end`. Slot thread
 * of the sender; keeps nothing of what it combines.
 */
export interface Combiner<In = never, Acc = unknown> {
  /** Makes the pane around an event time (epoch milliseconds) the current one. False: there is none, the record goes by itself. */
  moveTo(timestamp: number): boolean
  /** The current pane: its start. */
  readonly pane: number
  readonly end: number
  /** The first watermark that makes the receiver's output depend on the current pane. */
  readonly firesAt: number
  /** The accumulator of a first record. */
  begin(value: In): Acc
  /** May change and return `acc`. */
  add(acc: Acc, value: In): Acc
}

/** What a hash edge's receiver lets its senders combine; the planner decides whether they do. */
export interface CombinerSpec {
  /** For each sender. `uid`: the receiver's, for messages. */
  readonly create: (uid: string) => Combiner
  /** The receiver's side output of late records, if it has one: records that are late have to arrive one by one if somebody reads it. */
  readonly lateTag: string | undefined
  /** Whether each record behind `firesAt` makes output of its own. */
  readonly refires: boolean
}
