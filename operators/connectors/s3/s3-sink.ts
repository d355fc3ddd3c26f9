import type { AwsOptions } from '../../../runtime/aws/client-settings.js'
import { type S3Encryption, s3EncryptionFrom } from '../../../runtime/aws/s3-encryption.js'
import { MillraceError } from '../../../runtime/contract/errors.js'
import type { Sink } from '../../../runtime/contract/sink.js'
import { jsonLines, type LineFormat } from '../file/line-format.js'
import type { S3Committable, S3OpenObject } from './object-state.js'
import { PART_BYTES } from './open-object.js'
import type { Partition } from './partitions.js'
import { type RollOptions, rollPolicy } from './roll-policy.js'
import { S3Committer } from './s3-committer.js'
import { checkOutput } from './check-output.js'
import { S3Writer, type WriterSettings } from './s3-writer.js'
import { type ConnectUploads, connectUploads } from './upload-calls.js'

/** Where and how {@link s3Sink} writes. */
export interface S3SinkOptions<T> extends S3Encryption {
  readonly bucket: string
  /** What all keys begin with, before a slash; default nothing. Several sinks may share it. */
  readonly prefix?: string
  /** Default: `jsonLines()`. */
  readonly format?: LineFormat<T>
  /** Objects are gzipped, in members of some hundred KB. Default false. */
  readonly gzip?: boolean
  /** The folder of a record, usually of its event time: `byHour()`, `byDate()` or one's own. Default: none. */
  readonly partition?: Partition<T>
  readonly roll?: RollOptions
  /** Open at once in a subtask, one a partition; beyond that the one is ended that was written to least recently. Default 100. */
  readonly maxOpenObjects?: number
  /** Bytes that a subtask may hold in memory; beyond half of it the largest objects are ended early. Default 64 MB, at least 16. */
  readonly bufferBytes?: number
  /**
   * Bytes (before compression) that a subtask may put into a checkpoint: what is behind the last part of 5 MiB of each open object.
   * Beyond that the largest are ended early. Default 16 MB.
   */
  readonly checkpointBytes?: number
  /** How S3 is reached. */
  readonly aws?: AwsOptions
}

const MIN_BUFFER_BYTES = 16 * 1024 * 1024

/**
 * Writes lines into objects of S3, exactly once: each is a multipart upload, which nobody sees before the checkpoint that ends it is
 * complete and the upload with it. Objects that stay open are in the checkpoint, with their parts and the bytes behind; a restored job
 * ends them and begins others. Keys are `<prefix>/<partition>/part-<run>-<uid>-<subtask>-e<epoch>a<attempt>s<sequence>.jsonl`. A record
 * that cannot be a line, or has no valid partition, goes to the `rejected` output. What cannot be written is MILLRACE_OUTPUT. The
 * protocol is that of Flink's FileSink over its S3 file system.
 */
export function s3Sink<T = unknown>(options: S3SinkOptions<T>): Sink<T, S3Committable, S3OpenObject> {
  const { aws = {} } = options
  const encryption = s3EncryptionFrom({ sse: options.sse, kmsKeyId: options.kmsKeyId }, 'MILLRACE_GRAPH', 's3Sink')
  return s3SinkOver(options, () => connectUploads(options.bucket, aws, encryption))
}

/** {@link s3Sink} with another way to S3, and to what takes smaller parts: for tests. */
export function s3SinkOver<T>(
  options: S3SinkOptions<T>,
  connect: ConnectUploads,
  partBytes: number = PART_BYTES,
): Sink<T, S3Committable, S3OpenObject> {
  const settings = { ...settingsOf(options), partBytes }
  const { bucket, prefix } = settings
  const describe = prefix === '' ? `s3://${bucket}` : `s3://${bucket}/${prefix}`
  return {
    name: 's3',
    guarantee: 'exactly-once',
    describe,
    check: async () => checkOutput(prefix, await connect()),
    createWriter: async (ctx) => new S3Writer(settings, ctx, await connect()),
    createCommitter: (ctx) => new S3Committer(prefix, ctx, connect),
  }
}

function settingsOf<T>(options: S3SinkOptions<T>): Omit<WriterSettings<T>, 'partBytes'> {
  const {
    bucket,
    maxOpenObjects = 100,
    bufferBytes = 4 * MIN_BUFFER_BYTES,
    checkpointBytes = MIN_BUFFER_BYTES,
  } = options
  const prefix = (options.prefix ?? '').replace(/^\/+|\/+$/g, '')
  if (!/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(bucket)) {
    refuse(`s3Sink: ${JSON.stringify(bucket)} is not a bucket's name`, 'bucket names are lower case')
  }
  if (!(maxOpenObjects >= 1)) refuse(`s3Sink maxOpenObjects is not a positive number: ${maxOpenObjects}`)
  if (!(bufferBytes >= MIN_BUFFER_BYTES)) refuse(`s3Sink bufferBytes is less than 16 MB: ${bufferBytes}`)
  if (!(checkpointBytes >= 0)) refuse(`s3Sink checkpointBytes is not a number of bytes: ${checkpointBytes}`)
  return {
    bucket,
    prefix,
    // The default writes anything that JSON can.
    format: options.format ?? jsonLines(),
    gzip: options.gzip ?? false,
    partition: options.partition,
    roll: rollPolicy(options.roll),
    maxOpenObjects,
    bufferBytes,
    checkpointBytes,
  }
}

function refuse(message: string, hint?: string): never {
  throw new MillraceError('MILLRACE_GRAPH', message, hint === undefined ? {} : { hint })
}
