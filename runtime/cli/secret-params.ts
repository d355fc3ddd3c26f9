import { readSecrets, secretReference, SecretsUnavailable, type WantedSecret } from '../aws/secrets.js'
import type { ParamSpec } from '../contract/graph.js'
import type { Redactor } from './redactor.js'

/** Texts by parameter. */
export type ParamTexts = Readonly<Record<string, string>>

/** The parameters of a job, with what `secret:NAME#field` stands for. The values are in memory only. Main thread. */
export class SecretParams {
  private readonly given: ParamTexts
  private readonly wanted: readonly WantedSecret[]
  private readonly redactor: Redactor
  private current: ParamTexts

  private constructor(given: ParamTexts, wanted: readonly WantedSecret[], redactor: Redactor) {
    this.given = given
    this.wanted = wanted
    this.redactor = redactor
    this.current = given
  }

  /** Reads the secrets that `given`, or defaults, name. MILLRACE_PARAM names the secret and the parameter. */
  static async read(given: ParamTexts, specs: readonly ParamSpec[], redactor: Redactor): Promise<SecretParams> {
    const texts = { ...defaults(specs, given), ...given }
    for (const { name, secret } of specs) if (secret === true) redactor.hide(texts[name] ?? '')
    const wanted = Object.entries(texts).flatMap(([param, text]) => {
      const reference = secretReference(param, text)
      return reference === undefined ? [] : [{ param, reference }]
    })
    const params = new SecretParams(given, wanted, redactor)
    if (wanted.length > 0) await params.readAll()
    return params
  }

  /** As the job's graph is built with. */
  get values(): ParamTexts {
    return this.current
  }

  /** What secrets stand for, now. */
  get secrets(): readonly string[] {
    return this.wanted.map(({ param }) => this.current[param]!)
  }

  /**
   * Reads them again: whether one has changed. While Secrets Manager cannot be reached the values from before stay, and `warn` is told;
   * rejects when a secret is gone or may not be read any more.
   */
  async readAgain(warn: (message: string) => void): Promise<boolean> {
    if (this.wanted.length === 0) return false
    const before = this.secrets
    try {
      await this.readAll()
    } catch (error) {
      if (!(error instanceof SecretsUnavailable)) throw error
      warn(`${error.message}; going on with the values that were read before`)
    }
    return this.secrets.some((value, i) => value !== before[i])
  }

  private async readAll(): Promise<void> {
    const values = await readSecrets(this.wanted)
    for (const value of values) this.redactor.hide(value)
    this.current = { ...this.given, ...Object.fromEntries(this.wanted.map(({ param }, i) => [param, values[i]!])) }
  }
}

function defaults(specs: readonly ParamSpec[], given: ParamTexts): ParamTexts {
  return Object.fromEntries(
    specs.flatMap(({ name, default: text }) =>
      text === undefined || Object.hasOwn(given, name) ? [] : [[name, text]],
    ),
  )
}
