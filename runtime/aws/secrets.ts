import { MillraceError } from '../contract/errors.js'
import { parseArn } from './arn.js'
import { awsFailure, isTransient } from './aws-errors.js'
import { clientSettings } from './client-settings.js'

/** A secret in Secrets Manager, or a field of one that is a JSON object: `secret:prod/search#password`. */
export interface SecretReference {
  /** Name or ARN. */
  readonly id: string
  readonly field?: string
}

/** What is wanted, and by which parameter: for messages. */
export interface WantedSecret {
  readonly param: string
  readonly reference: SecretReference
}

const PREFIX = 'secret:'

/** The reference that a parameter's value is; undefined for any other value. MILLRACE_PARAM for one that is malformed. */
export function secretReference(param: string, value: string): SecretReference | undefined {
  if (!value.startsWith(PREFIX)) return undefined
  const cut = value.lastIndexOf('#')
  const id = value.slice(PREFIX.length, cut < 0 ? undefined : cut)
  const field = cut < 0 ? undefined : value.slice(cut + 1)
  const arn = parseArn(id)
  const good = arn === undefined ? /^[\w/+=.@!-]{1,512}$/.test(id) : arn.service === 'secretsmanager'
  if (!good || field === '') {
    throw new MillraceError('MILLRACE_PARAM', `parameter ${param}: ${JSON.stringify(value)} names no secret`, {
      hint: 'write secret:NAME for all of a secret, secret:NAME#field for a field of a JSON object; NAME may be an ARN',
    })
  }
  return field === undefined ? { id } : { id, field }
}

/**
 * The secrets' values, in the order asked for; each secret is read once. MILLRACE_PARAM names the secret and the parameter, never what is in
 * it. Reads Secrets Manager in the region of the ARN or of the environment. Main thread.
 */
export async function readSecrets(wanted: readonly WantedSecret[]): Promise<string[]> {
  const texts = new Map<string, Promise<string>>()
  for (const one of wanted) {
    if (!texts.has(one.reference.id)) texts.set(one.reference.id, readText(one))
  }
  // All of them, so that none rejects with nobody listening.
  await Promise.allSettled(texts.values())
  return Promise.all(wanted.map(async (one) => valueIn(await texts.get(one.reference.id)!, one)))
}

/** Whether reading may succeed another time. */
export class SecretsUnavailable extends MillraceError {}

async function readText(wanted: WantedSecret): Promise<string> {
  const { id } = wanted.reference
  const arn = parseArn(id)
  const settings = await clientSettings(arn === undefined ? {} : { region: arn.region })
  const { SecretsManagerClient, GetSecretValueCommand } = await import('@aws-sdk/client-secrets-manager')
  const client = new SecretsManagerClient(settings)
  try {
    const { SecretString: text } = await client.send(new GetSecretValueCommand({ SecretId: id }))
    if (text !== undefined) return text
  } catch (error) {
    const { region } = settings
    const permission = 'secretsmanager:GetSecretValue'
    const failure = awsFailure(error, { code: 'MILLRACE_PARAM', resource: resourceOf(wanted), region, permission })
    if (!isTransient(error)) throw failure
    throw new SecretsUnavailable(failure.code, failure.message, { hint: failure.hint ?? '' })
  } finally {
    client.destroy()
  }
  throw refusal(wanted, 'is binary', 'store it as a text')
}

function valueIn(text: string, wanted: WantedSecret): string {
  const { field } = wanted.reference
  if (field === undefined) return text
  const content = parsed(text)
  if (typeof content !== 'object' || content === null || Array.isArray(content)) {
    throw refusal(wanted, 'is no JSON object', `leave out #${field} to use all of it`)
  }
  // Not even the names of its other fields are shown.
  if (!Object.hasOwn(content, field)) throw refusal(wanted, `has no field "${field}"`, 'fields are case-sensitive')
  const value = (content as Record<string, unknown>)[field]
  if (typeof value === 'string') return value
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  throw refusal(wanted, `field "${field}" is not a text, a number or a boolean`, 'give a field that is')
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function resourceOf({ param, reference }: WantedSecret): string {
  return `secret "${reference.id}" of parameter ${param}`
}

function refusal(wanted: WantedSecret, what: string, hint: string): MillraceError {
  return new MillraceError('MILLRACE_PARAM', `${resourceOf(wanted)}: ${what}`, { hint })
}
