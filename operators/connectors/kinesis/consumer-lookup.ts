import { awsErrorFacts, awsFailure, isTransient } from '../../../runtime/aws/aws-errors.js'
import { backoffMs } from '../../../runtime/aws/backoff.js'
import { MillraceError } from '../../../runtime/contract/errors.js'
import { steadyTime, type Clock } from '../../../runtime/contract/time.js'
import type { KinesisStream } from './kinesis-stream.js'

/** A stream's consumer, by its name or its ARN. */
export type ConsumerId = { readonly name: string } | { readonly arn: string }

/** What DescribeStreamConsumer says. */
export interface ConsumerFacts {
  readonly arn: string
  /** CREATING, ACTIVE or DELETING. */
  readonly status: string
}

/** How waiting is done, and for how long. */
export interface Patience {
  readonly clock: Clock
  /** In [0, 1). */
  readonly random: () => number
  readonly withinMs: number
}

const WAIT = { baseMs: 250, maxMs: 3_000 }

/** A registered consumer as the service knows it. Any thread. */
export class ConsumerLookup {
  /** For messages: `consumer "job-readings" of Kinesis stream "turbines"`. */
  readonly resource: string
  private readonly stream: KinesisStream
  private readonly id: ConsumerId
  private streamArn: string | undefined

  constructor(stream: KinesisStream, id: ConsumerId) {
    this.stream = stream
    this.id = id
    this.resource = `consumer "${'name' in id ? id.name : id.arn}" of ${stream.resource}`
  }

  /** Undefined if there is none. Rejects with the SDK's error: see {@link ConsumerLookup.failure}. */
  async describe(): Promise<ConsumerFacts | undefined> {
    const { sdk, client } = await this.stream.access()
    const named =
      'arn' in this.id
        ? { ConsumerARN: this.id.arn }
        : { StreamARN: await this.arnOfStream(), ConsumerName: this.id.name }
    try {
      const { ConsumerDescription: consumer } = await client.send(new sdk.DescribeStreamConsumerCommand(named))
      return { arn: consumer?.ConsumerARN ?? '', status: consumer?.ConsumerStatus ?? 'UNKNOWN' }
    } catch (error) {
      if (awsErrorFacts(error).name === 'ResourceNotFoundException') return undefined
      throw error
    }
  }

  /** Consumers are registered with an ARN of a stream only. */
  async arnOfStream(): Promise<string> {
    const { target } = this.stream
    return (this.streamArn ??= 'StreamARN' in target ? target.StreamARN : (await this.stream.describe()).arn)
  }

  /** Waits until it is ACTIVE; its ARN. `whenAbsent` runs each time it is found missing, and may throw. */
  async untilActive(patience: Patience, whenAbsent: () => void | Promise<void>): Promise<string> {
    let status = 'not registered'
    return this.persist(patience, 'kinesis:DescribeStreamConsumer', async () => {
      const facts = await this.describe()
      if (facts?.status === 'ACTIVE') return { result: facts.arn }
      if (facts === undefined) await whenAbsent()
      status = facts?.status ?? 'not registered'
      return {
        otherwise: new MillraceError('MILLRACE_INPUT', `${this.resource}: not ACTIVE but ${status}`, {
          hint: `waited ${Math.round(patience.withinMs / 1000)} s; look at it with: aws kinesis describe-stream-consumer`,
        }),
      }
    })
  }

  /** Asks until there is a result; outages and throttling are waited out. MillraceError when patience is over. */
  async persist<T>(
    { clock, random, withinMs }: Patience,
    permission: string,
    ask: () => Promise<{ readonly result: T } | { readonly otherwise: MillraceError }>,
  ): Promise<T> {
    const giveUpAt = steadyTime(clock) + withinMs
    for (let attempt = 1; ; attempt++) {
      let failure: MillraceError
      try {
        const answer = await ask()
        if ('result' in answer) return answer.result
        failure = answer.otherwise
      } catch (error) {
        failure = await this.failure(error, permission)
        if (!isTransient(error)) throw failure
      }
      if (steadyTime(clock) >= giveUpAt) throw failure
      const waitMs = backoffMs(attempt, { ...WAIT, random })
      await new Promise<void>((resolve) => void clock.setTimeout(resolve, waitMs))
    }
  }

  /** One clear error that names the consumer, its stream and the permission that the request needs. */
  async failure(error: unknown, permission: string): Promise<MillraceError> {
    if (error instanceof MillraceError) return error
    const { region } = await this.stream.access()
    return awsFailure(error, { code: 'MILLRACE_INPUT', resource: this.resource, region, permission })
  }

  /** It is the user's own, and not there. */
  missing(): MillraceError {
    return new MillraceError('MILLRACE_INPUT', `${this.resource}: is not registered`, {
      hint: 'register it with: aws kinesis register-stream-consumer, or let the job do it with consumerLifecycle=job',
    })
  }
}
