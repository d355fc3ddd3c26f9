import type { AwsOptions } from '../aws/client-settings.js'
import { S3_ENCRYPTION_NAMES, type S3Encryption, s3EncryptionFrom } from '../aws/s3-encryption.js'
import { MillraceError } from '../contract/errors.js'

/** Where checkpoints are in S3 and how they are reached and encrypted: what a URL of `--checkpoint-dir` says. */
export interface S3Place {
  readonly bucket: string
  /** Empty, or ends in `/`. */
  readonly prefix: string
  readonly aws: AwsOptions
  readonly encryption: S3Encryption
  /** What follows the `?`, without it; empty for nothing. */
  readonly query: string
}

const AWS_NAMES = ['region', 'endpoint', 'roleArn', 'externalId', 'roleSessionName'] as const
const HINT =
  's3://bucket/prefix?sse=aws:kms&kmsKeyId=...&region=...&roleArn=..., all after the ? optional; bucket names are lower case'

/** Of `s3://bucket/prefix?sse=aws:kms&kmsKeyId=alias/checkpoints`. One that is not of this form is MILLRACE_USAGE. */
export function s3Place(url: string): S3Place {
  const parts = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:\/([^?]*))?(?:\?(.*))?$/s.exec(url)
  if (parts === null) {
    throw new MillraceError('MILLRACE_USAGE', `"${url}" is not of the form s3://bucket/prefix`, { hint: HINT })
  }
  const [, bucket, path = '', query = ''] = parts as unknown as [string, string, string?, string?]
  const prefix = path.replace(/^\/+|\/+$/g, '')
  const options = queryOf(query, url)
  const aws = Object.fromEntries(
    AWS_NAMES.flatMap((name) => (options[name] === undefined ? [] : [[name, options[name]]])),
  )
  return {
    bucket,
    prefix: prefix === '' ? '' : `${prefix}/`,
    aws,
    encryption: s3EncryptionFrom(options, 'MILLRACE_USAGE', url),
    query,
  }
}

/** The place of a bucket's keys as messages show it. */
export function shownPlace({ bucket, prefix }: S3Place): string {
  return `s3://${bucket}/${prefix}`.replace(/\/$/, '')
}

function queryOf(query: string, url: string): Readonly<Record<string, string>> {
  const options: Record<string, string> = {}
  for (const pair of query === '' ? [] : query.split('&')) {
    const cut = pair.indexOf('=')
    const name = cut < 0 ? pair : pair.slice(0, cut)
    const known = ([...AWS_NAMES, ...S3_ENCRYPTION_NAMES] as readonly string[]).includes(name)
    if (!known || cut < 0 || name in options) {
      const what = known ? `takes one ${name}=...` : `unknown option ${JSON.stringify(name)}`
      throw new MillraceError('MILLRACE_USAGE', `${url}: ${what}`, { hint: HINT })
    }
    try {
      options[name] = decodeURIComponent(pair.slice(cut + 1))
    } catch {
      throw new MillraceError('MILLRACE_USAGE', `${url}: ${name} is not percent-encoded text`, { hint: HINT })
    }
  }
  return options
}
