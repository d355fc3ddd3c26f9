import { awsErrorFacts, isTransient } from '../../../runtime/aws/aws-errors.js'
import type { MillraceError } from '../../../runtime/contract/errors.js'
import type { Ending } from '../../../runtime/contract/source.js'
import type { ConsumerLookup } from './consumer-lookup.js'
import type { ConsumerContext, ConsumerRegistration } from './shard-reader.js'

/**
 * Who registers and deregisters a consumer. `job`: registered at the job's start where it is missing, deregistered when the job has
 * finished or was canceled, kept over restarts, suspensions and failures. `self`: the user does both.
 */
export type ConsumerLifecycle = 'job' | 'self'

/** How long a consumer may take to become ACTIVE, or to be deregistered, by default. */
export interface RegistrationTimes {
  readonly registerTimeoutMs: number
  readonly deregisterTimeoutMs: number
}

const DEREGISTER = 'kinesis:DeregisterStreamConsumer'

/** A consumer in one attempt of the job. Main thread. */
export class FanOutRegistration implements ConsumerRegistration {
  private readonly ctx: ConsumerContext
  private readonly consumer: ConsumerLookup
  private readonly name: string | undefined
  private readonly times: RegistrationTimes
  private closed = false

  /** `name`: of a consumer that the job registers itself, lifecycle `job`. */
  constructor(ctx: ConsumerContext, consumer: ConsumerLookup, name: string | undefined, times: RegistrationTimes) {
    this.ctx = ctx
    this.consumer = consumer
    this.name = name
    this.times = times
  }

  async ready(): Promise<void> {
    const { clock, random } = this.ctx
    await this.consumer.untilActive({ clock, random, withinMs: this.times.registerTimeoutMs }, async () => {
      if (this.name === undefined) throw this.consumer.missing()
      // What is registered now, nobody would deregister.
      if (!this.closed) await this.register(this.name)
    })
  }

  async close(ending: Ending): Promise<void> {
    this.closed = true
    const { name } = this
    if (name === undefined || (ending !== 'finished' && ending !== 'canceled')) return
    const { clock, random } = this.ctx
    const patience = { clock, random, withinMs: this.times.deregisterTimeoutMs }
    try {
      await this.consumer.persist(patience, DEREGISTER, () => this.deregister(name))
    } catch (error) {
      this.ctx.warn(`the consumer is left registered, and billed by the hour: ${(error as Error).message}`)
    }
  }

  private async register(name: string): Promise<void> {
    const { sdk, client } = await this.ctx.stream.access()
    const request = { StreamARN: await this.consumer.arnOfStream(), ConsumerName: name }
    try {
      await client.send(new sdk.RegisterStreamConsumerCommand(request))
    } catch (error) {
      // Registered meanwhile, by an earlier attempt whose answer was lost.
      if (awsErrorFacts(error).name === 'ResourceInUseException') return
      if (isTransient(error)) throw error
      throw await this.consumer.failure(error, 'kinesis:RegisterStreamConsumer')
    }
  }

  private async deregister(name: string): Promise<{ result: undefined } | { otherwise: MillraceError }> {
    const { sdk, client } = await this.ctx.stream.access()
    const request = { StreamARN: await this.consumer.arnOfStream(), ConsumerName: name }
    try {
      await client.send(new sdk.DeregisterStreamConsumerCommand(request))
    } catch (error) {
      const refused = awsErrorFacts(error).name
      // It is being created, or deleted, this moment.
      if (refused === 'ResourceInUseException') return { otherwise: await this.consumer.failure(error, DEREGISTER) }
      if (refused !== 'ResourceNotFoundException') throw error
    }
    return { result: undefined }
  }
}
