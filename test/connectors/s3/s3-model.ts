import { createHash } from 'node:crypto'
import { gunzipSync } from 'node:zlib'
import type { NewUpload, UploadCalls } from '../../../operators/connectors/s3/upload-calls.js'
import { MillraceError } from '../../../runtime/contract/errors.js'

interface Upload {
  readonly key: string
  readonly token: string
  readonly parts: Map<number, { etag: string; bytes: Buffer }>
}

export interface Call {
  readonly name: keyof UploadCalls
  readonly key: string
}

/** What happens to a call: `before` it takes effect, or `after` (its answer gets lost). */
export type Fault = (call: Call, phase: 'before' | 'after') => Error | undefined

/** An error as the SDK throws it. */
export function s3Error(name: string, status: number): Error {
  return Object.assign(new Error(`${name}!`), { name, $metadata: { httpStatusCode: status } })
}

/** One bucket of S3 as far as multipart uploads go: each call is one atomic step. */
export class S3Model {
  readonly objects: Map<string, { bytes: Buffer; token: string | null }> = new Map()
  readonly uploads: Map<string, Upload> = new Map()
  readonly log: string[] = []
  fault: Fault = () => undefined
  private nextId = 1
  private readonly minPartBytes: number

  constructor(minPartBytes: number) {
    this.minPartBytes = minPartBytes
  }

  /** All lines of all visible objects. */
  lines(): string[] {
    const text = (key: string, bytes: Buffer): string => (key.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString()
    return [...this.objects].flatMap(([key, { bytes }]) => text(key, bytes).split('\n').slice(0, -1))
  }

  /** The calls of one process: none has any effect once it is `dead`. */
  calls(process: { dead: boolean } = { dead: false }): UploadCalls {
    const step = async <R>(name: keyof UploadCalls, key: string, effect: () => R): Promise<R> => {
      // Other work of the process goes on meanwhile.
      await new Promise((resolve) => setImmediate(resolve))
      const fail = (phase: 'before' | 'after'): void => {
        if (process.dead) throw new Error('this process is dead')
        const error = this.fault({ name, key }, phase)
        if (error !== undefined) throw error
      }
      fail('before')
      this.log.push(`${name} ${key}`)
      const result = effect()
      fail('after')
      return result
    }
    return {
      createUpload: (key, about) => step('createUpload', key, () => this.create(key, about)),
      uploadPart: (key, id, number, bytes) => step('uploadPart', key, () => this.part(key, id, number, bytes)),
      completeUpload: (key, id, parts) => step('completeUpload', key, () => this.complete(key, id, parts)),
      abortUpload: (key, id) => step('abortUpload', key, () => void this.uploads.delete(id)),
      listUploads: (prefix) =>
        step('listUploads', prefix, () =>
          [...this.uploads]
            .filter(([, { key }]) => key.startsWith(prefix))
            .map(([uploadId, { key }]) => ({ key, uploadId })),
        ),
      tokenOf: (key) => step('tokenOf', key, () => this.objects.get(key)?.token),
      headBucket: () => step('headBucket', '', () => undefined),
      failure: (error, action, key) =>
        error instanceof MillraceError
          ? error
          : new MillraceError('MILLRACE_OUTPUT', `cannot ${action} ${key}: ${(error as Error).message}`),
      close: () => undefined,
    }
  }

  private create(key: string, { token }: NewUpload): string {
    const id = `upload-${this.nextId++}`
    this.uploads.set(id, { key, token, parts: new Map() })
    return id
  }

  private part(key: string, id: string, number: number, bytes: Buffer): string {
    if (number < 1 || number > 10_000) throw s3Error('InvalidArgument', 400)
    const etag = `"${createHash('md5').update(bytes).digest('hex')}"`
    this.upload(key, id).parts.set(number, { etag, bytes: Buffer.from(bytes) })
    return etag
  }

  private complete(key: string, id: string, parts: readonly { number: number; etag: string }[]): void {
    const upload = this.upload(key, id)
    if (parts.length === 0) throw s3Error('MalformedXML', 400)
    const bytes = parts.map(({ number, etag }, i) => {
      const part = upload.parts.get(number)
      if (part === undefined || part.etag !== etag) throw s3Error('InvalidPart', 400)
      if (i > 0 && parts[i - 1]!.number >= number) throw s3Error('InvalidPartOrder', 400)
      if (i < parts.length - 1 && part.bytes.length < this.minPartBytes) throw s3Error('EntityTooSmall', 400)
      return part.bytes
    })
    this.uploads.delete(id)
    this.objects.set(key, { bytes: Buffer.concat(bytes), token: upload.token })
  }

  private upload(key: string, id: string): Upload {
    const upload = this.uploads.get(id)
    if (upload === undefined || upload.key !== key) throw s3Error('NoSuchUpload', 404)
    return upload
  }
}
