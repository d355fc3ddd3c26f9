import type { ConsumerLookup, Patience } from './consumer-lookup.js'

/** The ARN that the shards of one reader are subscribed by: looked up once for all, and again when the service does not know it. */
export class FanOutConsumer {
  /** For messages. */
  readonly resource: string
  private readonly lookup: ConsumerLookup
  private readonly patience: Patience
  private readonly mustExist: boolean
  private found: Promise<string> | undefined

  /** `mustExist`: it is the user's own, so nobody registers it while this waits. */
  constructor(lookup: ConsumerLookup, patience: Patience, mustExist: boolean) {
    this.lookup = lookup
    this.patience = patience
    this.mustExist = mustExist
    this.resource = lookup.resource
  }

  /** Resolves once it is ACTIVE. */
  arn(): Promise<string> {
    if (this.found !== undefined) return this.found
    const found = this.lookup.untilActive(this.patience, () => {
      if (this.mustExist) throw this.lookup.missing()
    })
    found.catch(() => (this.found = undefined))
    return (this.found = found)
  }

  /** The service does not know that ARN: whether it has another one now, since who is registered again gets another one. */
  async isOtherThan(arn: string): Promise<boolean> {
    if ((await this.arn()) === arn) this.found = undefined
    return (await this.arn()) !== arn
  }
}
