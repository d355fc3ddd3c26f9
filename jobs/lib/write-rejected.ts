import { sinkFor, type Locator, type RejectedRecord, type Stream } from 'millrace'

/** What comes of writing a stream. */
export interface Written {
  readonly rejected: Stream<RejectedRecord>
}

/**
 * Writes what sinks can never write, as `{ value, reason, sink }`: one record that is too long for a service must not stop the job for
 * good. Without a place for them the first such record fails the job: nothing is dropped silently.
 */
export function writeRejected(written: readonly Written[], to: Locator | undefined): void {
  const [first, ...others] = written.map(({ rejected }) => rejected)
  if (to !== undefined) first?.union(...others).sinkTo(sinkFor(to), { uid: 'rejected' })
}
