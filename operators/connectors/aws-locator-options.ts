import type { AwsOptions } from '../../runtime/aws/client-settings.js'
import type { Locator } from '../api/locator.js'

/** The options of every locator of an AWS service: how it is reached. */
export const AWS_OPTION_NAMES = ['region', 'endpoint', 'roleArn', 'externalId', 'roleSessionName'] as const

/** What a locator says of how its service is reached: `?region=eu-west-1&roleArn=arn:aws:iam::123456789012:role/reader`. */
export function awsOptions({ query }: Locator): AwsOptions {
  return Object.fromEntries(
    AWS_OPTION_NAMES.flatMap((name) => (query[name] === undefined ? [] : [[name, query[name]]])),
  )
}
