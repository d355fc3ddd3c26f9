import { MillraceError } from '../../../runtime/contract/errors.js'
import { S3_ENCRYPTION_NAMES } from '../../../runtime/aws/s3-encryption.js'
import type { FailedRecord } from '../../../runtime/contract/failed-record.js'
import type { Sink, SinkWriter } from '../../../runtime/contract/sink.js'
import type { DeadLetters } from '../../api/error-policy.js'
import { parseLocator, type Locator } from '../../api/locator.js'
import { AWS_OPTION_NAMES } from '../aws-locator-options.js'
import { fileSinkFor } from '../file/locator.js'
import { requireKnownOptions } from '../locator-options.js'
import { s3SinkFor } from '../s3/locator.js'
import { toLine } from './letter-line.js'
import { redriveSource } from './redrive-source.js'

/** Files of dead letters are read as a whole. */
const ROLL_BYTES = '8MB'

/**
 * An {@link ErrorPolicy}: records that the operator's function throws for are written, exactly once, as lines of JSON into files of a
 * folder or of S3 (`file:DIR`, `s3://BUCKET/PREFIX`), with all that is needed to feed them to the operator again: `runtime redrive DIR`.
 * Several operators and jobs may share a place: each job is fed its own. MILLRACE_GRAPH for another kind of place.
 */
export function deadLetter(place: string | Locator): DeadLetters {
  const locator = typeof place === 'string' ? parseLocator(place) : place
  if (locator?.scheme !== 'file' && locator?.scheme !== 's3') {
    const given = typeof place === 'string' ? place : place.text
    throw new MillraceError('MILLRACE_GRAPH', `deadLetter() cannot write to ${JSON.stringify(given)}`, {
      hint: 'give it file:DIR or s3://BUCKET/PREFIX',
    })
  }
  const isFile = locator.scheme === 'file'
  requireKnownOptions(locator, isFile ? [] : [...AWS_OPTION_NAMES, ...S3_ENCRYPTION_NAMES])
  const rolling = isFile ? { rollBytes: ROLL_BYTES } : { rollBytes: ROLL_BYTES, rollOnCheckpoint: 'true' }
  const options = { ...locator, query: { ...locator.query, ...rolling } }
  return {
    kind: 'deadLetters',
    sink: asLines(isFile ? fileSinkFor<string>(options) : s3SinkFor<string>(options)),
    redriven: (uid, bounded) => redriveSource(isFile ? locator.path : locator.text, uid, bounded),
  }
}

function asLines(lines: Sink<string>): Sink<FailedRecord> {
  return {
    ...lines,
    async createWriter(ctx) {
      const writer = await lines.createWriter(ctx)
      const write = writer.write.bind(writer)
      const letters = writer as unknown as SinkWriter<FailedRecord>
      letters.write = (record, timestamp) => write(toLine(ctx.jobId, record), timestamp)
      return letters
    },
  }
}
