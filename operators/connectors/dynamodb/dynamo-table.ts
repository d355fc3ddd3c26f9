import type { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { parseArn } from '../../../runtime/aws/arn.js'
import { type AwsResource, awsFailure } from '../../../runtime/aws/aws-errors.js'
import { type AwsOptions, clientSettings } from '../../../runtime/aws/client-settings.js'
import type { ErrorCode } from '../../../runtime/contract/errors.js'

/** The SDK's modules: loaded when a table is first spoken to. */
export type DynamoSdk = typeof import('@aws-sdk/client-dynamodb') & typeof import('@aws-sdk/util-dynamodb')

/** A client and its SDK. */
export interface DynamoAccess {
  readonly sdk: DynamoSdk
  readonly client: DynamoDBClient
}

/** A table and how it is reached; the client is made at first use. Any thread. */
export class DynamoTable {
  /** As requests name it: its name or ARN. */
  readonly name: string
  /** For messages: `DynamoDB table "orders"`. */
  readonly resource: string
  private readonly aws: AwsOptions
  private readonly code: ErrorCode
  private opened: Promise<DynamoAccess> | undefined
  private region = '(unknown)'

  /** `table`: its name, or its ARN, whose region counts unless `aws` gives one. `code`: of failures. */
  constructor(table: string, aws: AwsOptions | undefined, code: ErrorCode) {
    const arn = parseArn(table)
    this.name = table
    this.resource = `DynamoDB table "${arn?.resource.replace(/^table\//, '') ?? table}"`
    this.aws = { ...(arn === undefined || arn.region === '' ? {} : { region: arn.region }), ...aws }
    this.code = code
  }

  /** MILLRACE_USAGE if no region is known. */
  access(): Promise<DynamoAccess> {
    return (this.opened ??= this.open())
  }

  /** What messages are about, with the permission that a request needs: `dynamodb:PutItem`. */
  about(permission: string): AwsResource {
    return { code: this.code, resource: this.resource, region: this.region, permission }
  }

  /** Asks something; an error becomes one clear error that names the table. */
  async ask<T>(permission: string, request: (access: DynamoAccess) => Promise<T>): Promise<T> {
    try {
      return await request(await this.access())
    } catch (error) {
      throw awsFailure(error, this.about(permission))
    }
  }

  /** Closes the client's connections; the next use makes a new one. */
  async close(): Promise<void> {
    const opened = this.opened
    this.opened = undefined
    // Whoever asked for a client that could not be made has heard of it.
    const access = await opened?.catch(() => undefined)
    access?.client.destroy()
  }

  private async open(): Promise<DynamoAccess> {
    const settings = await clientSettings(this.aws)
    this.region = settings.region
    const [client, util] = await Promise.all([import('@aws-sdk/client-dynamodb'), import('@aws-sdk/util-dynamodb')])
    const sdk: DynamoSdk = { ...client, ...util }
    return { sdk, client: new client.DynamoDBClient(settings) }
  }
}
