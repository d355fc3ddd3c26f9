import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { blocksOf, readPages, repository } from './pages.js'

interface Policy {
  readonly Version: string
  readonly Statement: readonly {
    readonly Effect: string
    readonly Action: readonly string[]
    readonly Resource: string | readonly string[]
  }[]
}

const policies = blocksOf(readPages(), 'json')
  .filter(({ place }) => place.startsWith('docs/guides/aws.md'))
  .map(({ code }) => JSON.parse(code) as Policy)
const allowed = new Set(policies.flatMap((policy) => policy.Statement.flatMap(({ Action }) => Action)))

/** Requests whose permission has another name, or that several permissions make up. */
const PERMISSIONS: Readonly<Record<string, readonly string[]>> = {
  'dynamodb:TransactWriteItems': ['dynamodb:PutItem'],
  'sns:PublishBatch': ['sns:Publish'],
  's3:HeadBucket': ['s3:ListBucket'],
  's3:HeadObject': ['s3:GetObject'],
  's3:ListObjectsV2': ['s3:ListBucket'],
  's3:ListMultipartUploads': ['s3:ListBucketMultipartUploads'],
  's3:CreateMultipartUpload': ['s3:PutObject'],
  's3:UploadPart': ['s3:PutObject'],
  's3:CompleteMultipartUpload': ['s3:PutObject'],
}

const SERVICES = [
  { prefix: 'kinesis', folders: ['operators/connectors/kinesis'] },
  { prefix: 'dynamodb', folders: ['operators/connectors/dynamodb'] },
  { prefix: 's3', folders: ['operators/connectors/s3', 'runtime/storage'] },
  { prefix: 'sns', folders: ['operators/connectors/sns'] },
  { prefix: 'events', folders: ['operators/connectors/eventbridge'] },
  { prefix: 'firehose', folders: ['operators/connectors/firehose'] },
  { prefix: 'cloudwatch', folders: ['runtime/metrics'] },
]

function requestsOf(folder: string): string[] {
  const files = readdirSync(join(repository, folder), { recursive: true, encoding: 'utf8' })
  const texts = files
    .filter((name) => name.endsWith('.ts'))
    .map((name) => readFileSync(join(repository, folder, name), 'utf8'))
  return [
    ...new Set(
      texts.flatMap((text) => [...text.matchAll(/\bnew (?:\w+\.)?(\w+)Command\(/g)].map((match) => match[1]!)),
    ),
  ]
}

describe('the IAM policies in the documentation', () => {
  it('are policies', () => {
    expect(policies.length).toBeGreaterThan(10)
    for (const { Version, Statement } of policies) {
      expect(Version).toBe('2012-10-17')
      for (const { Effect } of Statement) expect(Effect).toBe('Allow')
    }
  })

  it.each(SERVICES)('allow every request that is made of $prefix', ({ prefix, folders }) => {
    const requests = folders.flatMap(requestsOf)
    expect(requests.length).toBeGreaterThan(0)
    const needed = requests.flatMap((name) => PERMISSIONS[`${prefix}:${name}`] ?? [`${prefix}:${name}`])
    expect(needed.filter((action) => !allowed.has(action))).toEqual([])
  })

  it.each(SERVICES)('allow nothing of $prefix that no request needs', ({ prefix, folders }) => {
    const needed = new Set(
      folders.flatMap(requestsOf).flatMap((name) => PERMISSIONS[`${prefix}:${name}`] ?? [`${prefix}:${name}`]),
    )
    const idle = [...allowed].filter((action) => action.startsWith(`${prefix}:`) && !needed.has(action))
    expect(idle).toEqual([])
  })
})
