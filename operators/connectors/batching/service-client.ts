import { type AwsResource, awsFailure } from '../../../runtime/aws/aws-errors.js'
import { type AwsOptions, type ClientSettings, clientSettings } from '../../../runtime/aws/client-settings.js'
import type { MillraceError } from '../../../runtime/contract/errors.js'

/** A client, its SDK's module with the commands, and the region it speaks to. */
export interface ServiceAccess<Sdk, Client> {
  readonly sdk: Sdk
  readonly client: Client
  readonly region: string
}

/** The client of a sink's service, made at first use: until then its SDK is not loaded. Any thread. */
export class ServiceClient<Sdk, Client extends { destroy(): void }> {
  /** For messages: `SNS topic "alerts"`. */
  readonly resource: string
  private readonly aws: AwsOptions
  private readonly open: (settings: ClientSettings) => Promise<{ readonly sdk: Sdk; readonly client: Client }>
  private opened: Promise<ServiceAccess<Sdk, Client>> | undefined
  private region = '(unknown)'

  constructor(
    resource: string,
    aws: AwsOptions,
    open: (settings: ClientSettings) => Promise<{ readonly sdk: Sdk; readonly client: Client }>,
  ) {
    this.resource = resource
    this.aws = aws
    this.open = open
  }

  /** MILLRACE_USAGE if no region is known. */
  access(): Promise<ServiceAccess<Sdk, Client>> {
    return (this.opened ??= this.make())
  }

  /** What messages are about, with the permission that a request needs: `sns:Publish`. */
  about(permission: string): AwsResource {
    return { code: 'MILLRACE_OUTPUT', resource: this.resource, region: this.region, permission }
  }

  /** Asks something; an error becomes one clear error that names the resource. */
  async ask<T>(permission: string, request: (access: ServiceAccess<Sdk, Client>) => Promise<T>): Promise<T> {
    try {
      return await request(await this.access())
    } catch (error) {
      throw this.failure(error, permission)
    }
  }

  /** Closes the client's connections, if there is one. */
  async close(): Promise<void> {
    const opened = this.opened
    this.opened = undefined
    // Whoever asked for a client that could not be made has heard of it.
    const access = await opened?.catch(() => undefined)
    access?.client.destroy()
  }

  private failure(error: unknown, permission: string): MillraceError {
    return awsFailure(error, this.about(permission))
  }

  private async make(): Promise<ServiceAccess<Sdk, Client>> {
    const settings = await clientSettings(this.aws)
    this.region = settings.region
    return { ...(await this.open(settings)), region: settings.region }
  }
}
