import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { PutItemCommand } from '@aws-sdk/client-dynamodb'
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import { ACCESS_KEY, awsEnv, REGION, SECRET_KEY } from './emulators/aws-env.js'
import { describeWith } from './emulators/availability.js'
import type { Emulator } from './emulators/emulator.js'
import { startMoto } from './emulators/moto.js'
import { type FaultProxy, startFaultProxy } from './fault-proxy.js'
import { type Fault, refuse } from './faults/faults.js'
import { createBucket } from './support-buckets.js'
import { jobFolder, type JobReport } from './support-jobs.js'
import { TestStream } from './support-streams.js'
import { createTable } from './support-tables.js'

const BIN = fileURLToPath(new URL('../../bin/runtime.mjs', import.meta.url))
const JOBS = fileURLToPath(new URL('../../jobs', import.meta.url))
const TOPIC = `arn:aws:sns:${REGION}:123456789012:missing`
const INPUT = 'input=kinesis://readings?position=TRIM_HORIZON'
const BEACONS = ['format=beacons', 'input=kinesis://readings?position=TRIM_HORIZON', 'impressions=s3://lake']

interface Case {
  readonly what: string
  readonly job?: string
  readonly params?: readonly string[]
  readonly options?: readonly string[]
  /** Of the environment; undefined: taken out. */
  readonly env?: Readonly<Record<string, string | undefined>>
  readonly fault?: Fault
  readonly operation?: string
  readonly code: string
  readonly says: RegExp
  readonly hint: RegExp
}

const OTHER_REGION = { AWS_REGION: 'eu-west-1' }
const NO_REGION = { AWS_REGION: undefined }
const NO_CREDENTIALS = { AWS_ACCESS_KEY_ID: undefined, AWS_SECRET_ACCESS_KEY: undefined }
const denied = refuse(400, 'AccessDeniedException', 'User is not authorized')
const deniedByS3 = refuse(403, 'AccessDenied', 'Access Denied')
const create = /^create it, or look at its name, the region and the endpoint$/

const missing: readonly Case[] = [
  {
    what: 'a stream to read',
    params: ['input=kinesis://missing'],
    code: 'MILLRACE_INPUT',
    says: /^operator "readings": Kinesis stream "missing": does not exist in region us-east-1$/,
    hint: create,
  },
  {
    what: 'a stream to write',
    params: [INPUT, 'output=kinesis://missing'],
    code: 'MILLRACE_OUTPUT',
    says: /^operator "alerts": Kinesis stream "missing": does not exist in region us-east-1$/,
    hint: create,
  },
  {
    what: 'a bucket',
    params: [INPUT, 'invalid=s3://missing/invalid'],
    code: 'MILLRACE_OUTPUT',
    says: /^operator "invalid": S3 bucket "missing" .*: does not exist in region us-east-1$/,
    hint: create,
  },
  {
    what: 'a bucket for checkpoints',
    params: [INPUT],
    options: ['--checkpoint-dir', 's3://missing/checkpoints'],
    code: 'MILLRACE_STORAGE',
    says: /^S3 bucket "missing" .*: does not exist in region us-east-1$/,
    hint: create,
  },
  {
    what: 'a table to write',
    params: [INPUT, 'output=dynamodb://missing'],
    code: 'MILLRACE_OUTPUT',
    says: /^operator "alerts": DynamoDB table "missing": does not exist in region us-east-1$/,
    hint: create,
  },
  {
    what: 'a table to look things up in',
    job: 'pageImpressions',
    params: [...BEACONS, 'botTable=missing'],
    code: 'MILLRACE_INPUT',
    says: /^operator "impressions": DynamoDB table "missing": does not exist in region us-east-1$/,
    hint: create,
  },
  {
    what: 'a table to claim orders in',
    job: 'pageImpressions',
    params: [...BEACONS, 'orderTable=missing', 'orderSalt=s'],
    code: 'MILLRACE_OUTPUT',
    says: /^operator "orders": DynamoDB table "missing": does not exist in region us-east-1$/,
    hint: create,
  },
  {
    what: 'a topic',
    params: [INPUT, `output=sns://${TOPIC}`],
    code: 'MILLRACE_OUTPUT',
    says: /^operator "alerts": SNS topic "missing": does not exist in region us-east-1$/,
    hint: create,
  },
  {
    what: 'an event bus',
    params: [INPUT, 'output=eventbridge://missing?source=farm&detailType=alert'],
    code: 'MILLRACE_OUTPUT',
    says: /^operator "alerts": EventBridge bus "missing": does not exist in region us-east-1$/,
    hint: create,
  },
  {
    what: 'a delivery stream',
    params: [INPUT, 'output=firehose://missing'],
    code: 'MILLRACE_OUTPUT',
    says: /^operator "alerts": Firehose stream "missing": does not exist in region us-east-1$/,
    hint: create,
  },
  {
    what: 'a secret',
    params: [INPUT, 'threshold=secret:missing#value'],
    code: 'MILLRACE_PARAM',
    says: /^secret "missing" of parameter threshold: does not exist in region us-east-1$/,
    hint: create,
  },
]

const refused: readonly Case[] = [
  {
    what: 'access to the stream',
    params: [INPUT],
    operation: 'DescribeStreamSummary',
    fault: denied,
    code: 'MILLRACE_INPUT',
    says: /^operator "readings": Kinesis stream "readings": access denied/,
    hint: /must allow kinesis:DescribeStreamSummary/,
  },
  {
    what: 'access to the records',
    params: [INPUT],
    operation: 'GetShardIterator',
    fault: denied,
    code: 'MILLRACE_INPUT',
    says: /^operator "readings": Kinesis stream "readings": access denied/,
    hint: /must allow kinesis:GetShardIterator/,
  },
  {
    what: 'access to the table',
    params: [INPUT, 'output=dynamodb://alerts'],
    operation: 'DescribeTable',
    fault: denied,
    code: 'MILLRACE_OUTPUT',
    says: /^operator "alerts": DynamoDB table "alerts": access denied/,
    hint: /must allow dynamodb:DescribeTable/,
  },
  {
    what: 'access to the bucket',
    params: [INPUT, 'invalid=s3://lake/invalid'],
    operation: 'CreateMultipartUpload',
    fault: deniedByS3,
    code: 'MILLRACE_OUTPUT',
    says: /^operator "invalid": cannot upload s3:\/\/lake\/invalid\/\S+: access denied/,
    hint: /must allow s3:PutObject/,
  },
  {
    what: 'access to the topic',
    params: [INPUT, `output=sns://${TOPIC}`],
    operation: 'GetTopicAttributes',
    fault: refuse(403, 'AuthorizationError', 'not authorized'),
    code: 'MILLRACE_OUTPUT',
    says: /^operator "alerts": SNS topic "missing": access denied/,
    hint: /must allow sns:/,
  },
  {
    what: 'the credentials',
    params: [INPUT],
    operation: 'DescribeStreamSummary',
    fault: refuse(400, 'UnrecognizedClientException', `The key ${ACCESS_KEY} is not known`),
    code: 'MILLRACE_INPUT',
    says: /^operator "readings": Kinesis stream "readings": the service does not accept the credentials/,
    hint: /access key/,
  },
]

const settings: readonly Case[] = [
  {
    what: 'a stream in another region',
    params: [INPUT],
    env: OTHER_REGION,
    code: 'MILLRACE_INPUT',
    says: /^operator "readings": Kinesis stream "readings": does not exist in region eu-west-1$/,
    hint: create,
  },
  {
    what: 'a table in another region',
    params: ['input=kinesis://readings?region=us-east-1', 'output=dynamodb://alerts'],
    env: OTHER_REGION,
    code: 'MILLRACE_OUTPUT',
    says: /^operator "alerts": DynamoDB table "alerts": does not exist in region eu-west-1$/,
    hint: create,
  },
  {
    what: 'a bucket in another region',
    params: [INPUT, 'invalid=s3://lake/invalid'],
    operation: 'CreateMultipartUpload',
    fault: bucketIn('eu-central-1'),
    code: 'MILLRACE_OUTPUT',
    says: /^operator "invalid": S3 bucket "lake": is not in region us-east-1/,
    hint: /^it is in eu-central-1: /,
  },
  {
    what: 'no region, for a stream',
    params: [INPUT],
    env: NO_REGION,
    code: 'MILLRACE_USAGE',
    says: /^operator "readings": no AWS region is set$/,
    hint: /AWS_REGION.*region=/,
  },
  {
    what: 'no region, for a bucket',
    params: ['input=kinesis://readings?region=us-east-1', 'invalid=s3://lake/invalid'],
    env: NO_REGION,
    code: 'MILLRACE_USAGE',
    says: /^operator "invalid": no AWS region is set$/,
    hint: /AWS_REGION.*region=/,
  },
  {
    what: 'no credentials, for a stream',
    params: [INPUT],
    env: NO_CREDENTIALS,
    code: 'MILLRACE_INPUT',
    says: /^operator "readings": Kinesis stream "readings": no AWS credentials found$/,
    hint: /AWS_ACCESS_KEY_ID/,
  },
  {
    what: 'no credentials, for checkpoints',
    params: [INPUT],
    options: ['--checkpoint-dir', 's3://lake/checkpoints'],
    env: NO_CREDENTIALS,
    code: 'MILLRACE_STORAGE',
    says: /^cannot create s3:\/\/lake\/checkpoints\/\S+: no AWS credentials found$/,
    hint: /AWS_ACCESS_KEY_ID/,
  },
]

describeWith(['moto'], 'a submit that cannot succeed is refused in one line, before a record is read', () => {
  let moto: Emulator
  let proxy: FaultProxy
  beforeAll(async () => {
    moto = await startMoto()
    proxy = await startFaultProxy(moto)
    const stream = await TestStream.create(moto, 'readings')
    await stream.put([{ data: 'not a reading', key: '1' }])
    const alerts = await createTable(moto, 'alerts', { turbineID: 'S' })
    await alerts.client.send(new PutItemCommand({ TableName: 'alerts', Item: { turbineID: { S: 'one' } } }))
    await createBucket(moto, 'lake')
  })
  afterEach(() => proxy.clear())
  afterAll(async () => {
    await proxy?.stop()
    await moto?.stop()
  })

  async function expectRefusal(one: Case): Promise<void> {
    const { job = 'windTurbine', params = [], options = [], operation, fault, code, says, hint } = one
    if (fault !== undefined) proxy.inject({ fault, times: Infinity, ...(operation === undefined ? {} : { operation }) })
    const given = params.flatMap((param) => ['--param', param])
    const args = [BIN, 'submit', `${JOBS}/${job}.ts`, '--json', ...options, ...given]
    const env: Record<string, string | undefined> = { ...awsEnv(), AWS_ENDPOINT_URL: proxy.endpoint, ...one.env }
    for (const [name, value] of Object.entries(env)) if (value === undefined) delete env[name]
    const asked = proxy.requests('GetRecords')
    const ended = await run(args, env, await jobFolder())

    expect(ended.code, ended.stderr).toBe(2)
    const report = JSON.parse(ended.stdout) as JobReport
    expect(report).toMatchObject({ status: 'REFUSED', recordsIn: 0, checkpoints: 0 })
    expect(report.failure?.code).toBe(code)
    expect(report.failure?.message).toMatch(says)
    const [line, advice, ...more] = ended.stderr.trimEnd().split('\n')
    expect(line).toBe(`runtime: ${code}: ${report.failure?.message}`)
    expect(advice?.replace(/^ {2}hint: /, '')).toMatch(hint)
    expect(more).toEqual([])
    // The source's own check: whether it may.
    expect(proxy.requests('GetRecords') - asked).toBeLessThanOrEqual(1)
    for (const secret of [ACCESS_KEY, SECRET_KEY]) expect(ended.stderr + ended.stdout).not.toContain(secret)
  }

  it.each(missing)('missing: $what', expectRefusal)
  it.each(refused)('refused: $what', expectRefusal)
  it.each(settings)('$what', expectRefusal)
})

/** S3 tells in a header where a bucket is. */
function bucketIn(region: string): Fault {
  return {
    name: 'other region',
    apply: () => ({
      status: 301,
      headers: { 'content-type': 'application/xml', 'x-amz-bucket-region': region },
      body: Buffer.from('<Error><Code>PermanentRedirect</Code><Message>elsewhere</Message></Error>'),
    }),
  }
}

function run(
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  cwd: string,
): Promise<{ readonly code: number | null; readonly stdout: string; readonly stderr: string }> {
  return new Promise((resolve) => {
    const child = execFile(process.execPath, args, { env, cwd }, (_, stdout, stderr) =>
      resolve({ code: child.exitCode, stdout, stderr }),
    )
  })
}
