/** An Amazon resource name, taken apart: `arn:aws:kinesis:eu-west-1:123456789012:stream/turbines`. */
export interface Arn {
  readonly partition: string
  readonly service: string
  /** Empty where the resource has none. */
  readonly region: string
  readonly account: string
  /** `stream/turbines`. */
  readonly resource: string
}

/** The parts of an ARN; undefined if the text is none. */
export function parseArn(text: string): Arn | undefined {
  const match = /^arn:([^:]+):([^:]+):([^:]*):([^:]*):(.+)$/.exec(text)
  if (match === null) return undefined
  const [, partition, service, region, account, resource] = match as unknown as [
    string,
    string,
    string,
    string,
    string,
    string,
  ]
  return { partition, service, region, account, resource }
}
