import type { CheckpointManifest } from '../../runtime/checkpoint/manifest.js'
import { ManifestLog } from '../../runtime/checkpoint/manifest-log.js'
import { MillraceError } from '../../runtime/contract/errors.js'
import type { CheckpointStorage } from '../../runtime/storage/storage.js'
import { MemoryStorage } from '../storage/memory-storage.js'
import { draft, identity, segmentRef, withSegments } from './manifests.js'
import type { Schedule } from './schedule.js'

/** How a process's n-th `createExclusive` ends: as it should, or in a time-out that did nothing, did it, or does it some time later. */
export type CreateFault = 'pass' | 'lost' | 'done' | 'later'

/** Processes over one storage, their steps scheduled, and a record of what they published. */
export class FencingWorld {
  readonly files: MemoryStorage = new MemoryStorage()
  readonly #schedule: Schedule
  readonly #late: Promise<void>[] = []
  /** What sinks published (an append resolved, or a takeover went on from it), by nonce, with the nonce each went on from. */
  readonly published: Map<string, string> = new Map()
  ended = 0
  /** Until it is set, every step is taken at once. */
  scheduled = false

  constructor(schedule: Schedule) {
    this.#schedule = schedule
  }

  /** Takes over unless it `owns` the job already, then appends `appends` checkpoints, each tried once, until it is fenced. */
  async process(
    name: string,
    first: number,
    appends: number,
    faults: readonly CreateFault[],
    owns?: { readonly log: ManifestLog; readonly base: string },
  ): Promise<void> {
    try {
      const log = owns?.log ?? (await ManifestLog.open(this.storage(name, faults), { jobId: 'job', retained: 1 }))
      let base = owns?.base ?? (await this.takeover(log, name))
      for (let n = first; n < first + appends; n++) {
        const appended = await this.append(log, `${name}${n}`, base)
        if (appended === undefined) continue
        base = appended
        await log.retire()
      }
    } catch (error) {
      // Fenced, or a takeover that was given up: either way the process ends.
      if (!['MILLRACE_FENCED', 'MILLRACE_STORAGE'].includes((error as MillraceError).code)) throw error
      this.ended++
    }
  }

  async takeover(log: ManifestLog, name: string): Promise<string> {
    const identityOf = { holder: identity(name.charCodeAt(0)), runId: 'run', createdAtMs: 0 }
    const { checkpoint } = await log.takeover({ nonce: `${name}0`, ...identityOf, choose: (latest) => latest })
    if (checkpoint === undefined) return ''
    this.#publish(checkpoint)
    this.#assertComplete(checkpoint)
    return checkpoint.nonce
  }

  /** The nonce once the append resolved; undefined when its outcome is unknown. */
  async append(log: ManifestLog, nonce: string, base: string): Promise<string | undefined> {
    const epoch = log.newestEpoch()
    const segment = segmentRef(epoch, Number(nonce.slice(1)))
    await this.files.write(segment.path, Buffer.from(nonce))
    try {
      const checkpoint = await log.append(draft({ nonce, params: { base }, ...withSegments([segment]) }))
      this.#publish(checkpoint)
      return nonce
    } catch (error) {
      if ((error as MillraceError).code === 'MILLRACE_FENCED') throw error
      return undefined
    }
  }

  /** Writes that were carried out late are steps of their own. */
  late(): Promise<void> {
    return Promise.all(this.#late).then(() => undefined)
  }

  /**
   * Nobody published two continuations of one checkpoint, and a restart goes on from one that all published ones lead to.
   */
  async assertOneLine(): Promise<void> {
    const bases = [...this.published.values()]
    if (new Set(bases).size !== bases.length) this.#fail('two continuations of one checkpoint were published')
    const latest = (await ManifestLog.open(this.files, { jobId: 'job' })).latest()
    const parents = new Map(this.published)
    if (latest !== undefined) parents.set(latest.nonce, latest.params['base'] ?? '')
    const line = new Set<string>()
    for (let at = latest?.nonce ?? ''; at !== ''; at = parents.get(at) ?? '') line.add(at)
    for (const nonce of this.published.keys()) if (!line.has(nonce)) this.#fail(`${nonce} was published and lost`)
    if (latest !== undefined) this.#assertComplete(latest)
  }

  /** The shared files as one process sees them: each step that another can get between waits for the schedule. */
  storage(name: string, faults: readonly CreateFault[] = []): CheckpointStorage {
    const { files } = this
    const step = (): Promise<void> => (this.scheduled ? this.#schedule.gate(name) : Promise.resolve())
    let creates = 0
    const scheduled = Object.create(files) as CheckpointStorage
    return Object.assign(scheduled, {
      createExclusive: async (path: string, bytes: Uint8Array) => {
        const fault = faults[creates++] ?? 'pass'
        if (fault !== 'lost') await step() // what is lost touches nothing that others see
        if (fault === 'pass') return files.createExclusive(path, bytes)
        if (fault === 'done') await files.createExclusive(path, bytes)
        if (fault === 'later') {
          this.#late.push(
            this.#schedule.gate(`~${name}`).then(() => files.createExclusive(path, bytes).then(() => undefined)),
          )
        }
        throw new MillraceError('MILLRACE_STORAGE', `injected: ${fault}`)
      },
      list: async (prefix: string) => {
        if (prefix === 'manifests/') await step()
        return files.list(prefix)
      },
      delete: async (path: string) => {
        if (path.startsWith('manifests/')) await step()
        return files.delete(path)
      },
    })
  }

  #assertComplete(checkpoint: CheckpointManifest): void {
    for (const { path } of checkpoint.operators['averages']?.segments ?? []) {
      if (!this.files.files.has(path)) this.#fail(`${path} of ${checkpoint.nonce} was deleted`)
    }
  }

  #fail(what: string): never {
    throw new Error(`${what}: ${JSON.stringify([...this.published])} with ${[...this.files.files.keys()].join(' ')}`)
  }

  #publish(checkpoint: CheckpointManifest): void {
    this.published.set(checkpoint.nonce, checkpoint.params['base'] ?? '')
  }
}
