import type { JsonValue } from '../../contract/json.js'
import type { Source, SourceReader, SplitEnumerator, SplitReader } from '../../contract/source.js'
import type { JobSurroundings } from './job-surroundings.js'

/** The source itself, but what it waits for comes as late as the seed says, and polls are small. */
export function simSource(source: Source<unknown>, around: JobSurroundings): Source<unknown> {
  return {
    name: source.name,
    bounded: source.bounded,
    describe: source.describe,
    ...(source.successors === undefined ? {} : { successors: source.successors }),
    createEnumerator: (ctx) => slowEnumerator(source.createEnumerator(ctx), around),
    createReader: (ctx) => slowReader(source.createReader(ctx), around),
  }
}

function slowEnumerator(
  inner: SplitEnumerator<JsonValue, JsonValue>,
  { io }: JobSurroundings,
): SplitEnumerator<JsonValue, JsonValue> {
  return {
    start: (restored, assigned) => io.run('enumerator start', () => inner.start(restored, assigned)),
    splitFinished: (subtask, split, watermark) => inner.splitFinished?.(subtask, split, watermark),
    snapshotState: (checkpointId) => inner.snapshotState(checkpointId),
    checkpointComplete: (checkpointId) => inner.checkpointComplete?.(checkpointId),
    close: (ending) => inner.close?.(ending),
  }
}

function slowReader(
  inner: SourceReader<unknown, JsonValue>,
  around: JobSurroundings,
): SourceReader<unknown, JsonValue> {
  return {
    openSplit: async (split) => slowSplit(await around.io.run('open split', () => inner.openSplit(split)), around),
    close: () => inner.close?.(),
  }
}

function slowSplit(
  inner: SplitReader<unknown, JsonValue>,
  { io, random, mostPerPoll }: JobSurroundings,
): SplitReader<unknown, JsonValue> {
  return {
    poll: (out, max) => inner.poll(out, Math.min(max, random.between(1, mostPerPoll))),
    available: () => io.run('available', () => inner.available()),
    position: () => inner.position(),
    close: () => inner.close?.(),
  }
}
