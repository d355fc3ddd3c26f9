const NAME = '[a-zA-Z0-9_.-]'
const STREAM_NAME = new RegExp(`^${NAME}{1,128}$`)
const STREAM_ARN = new RegExp(`^arn:[^:]+:kinesis:[^:]+:[^:]*:stream/${NAME}{1,128}$`)
const CONSUMER_ARN = new RegExp(`^arn:[^:]+:kinesis:[^:]+:[^:]*:stream/${NAME}{1,128}/consumer/${NAME}{1,128}:\\d+$`)

/** What {@link isStream} takes, for hints. */
export const STREAM_FORM =
  'names have 1 to 128 of a-z A-Z 0-9 _ . -, ARNs are arn:aws:kinesis:REGION:ACCOUNT:stream/NAME'

/** What {@link isConsumerArn} takes, for hints. */
export const CONSUMER_ARN_FORM = 'it is arn:aws:kinesis:REGION:ACCOUNT:stream/NAME/consumer/NAME:NUMBER'

/** Whether the text may be the name or the ARN of a stream. */
export function isStream(text: string): boolean {
  return STREAM_NAME.test(text) || STREAM_ARN.test(text)
}

/** Whether the text may be the ARN of a stream's registered consumer. */
export function isConsumerArn(text: string): boolean {
  return CONSUMER_ARN.test(text)
}
