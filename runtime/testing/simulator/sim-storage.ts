import { MillraceError } from '../../contract/errors.js'
import type { CheckpointStorage, StoredFile } from '../../storage/storage.js'
import type { Faults, StorageRequest } from './faults.js'
import { Actor, type Scheduler } from './scheduler.js'
import type { SimDisk } from './sim-disk.js'

type Kind = 'createExclusive' | 'write' | 'overwrite' | 'read' | 'list' | 'delete'

const REQUESTS: Readonly<Record<Kind, StorageRequest>> = {
  createExclusive: 'write',
  write: 'write',
  overwrite: 'write',
  read: 'read',
  list: 'read',
  delete: 'delete',
}

/** The disk as one thread sees it: slow, and failing as the seed says. What was asked for may happen although nobody is there any more. */
export class SimStorage implements CheckpointStorage {
  private readonly disk: SimDisk
  private readonly scheduler: Scheduler
  private readonly actor: Actor
  private readonly faults: Faults
  /** Before each path: what a folder is called, or nothing. */
  private readonly root: string
  /** The disk's own. */
  private readonly controller = new Actor('disk')

  constructor(disk: SimDisk, scheduler: Scheduler, actor: Actor, faults: Faults, folder = '') {
    this.disk = disk
    this.root = folder === '' ? '' : `${folder}/`
    this.scheduler = scheduler
    this.actor = actor
    this.faults = faults
  }

  createExclusive(path: string, bytes: Uint8Array): Promise<'created' | 'exists'> {
    const copy = Buffer.from(bytes)
    return this.run('createExclusive', path, () => this.disk.create(this.root + path, copy, this.actor.name))
  }

  write(path: string, bytes: Uint8Array): Promise<void> {
    const copy = Buffer.from(bytes)
    return this.run('write', path, () => this.disk.put(this.root + path, copy, this.actor.name))
  }

  overwrite(path: string, bytes: Uint8Array): Promise<void> {
    const copy = Buffer.from(bytes)
    return this.run('overwrite', path, () => this.disk.put(this.root + path, copy, this.actor.name))
  }

  async read(path: string): Promise<Buffer> {
    const found = await this.readIfExists(path)
    if (found === undefined)
      throw new MillraceError('MILLRACE_STORAGE', `cannot read ${this.describe()}/${path}: no such file`)
    return found
  }

  readIfExists(path: string): Promise<Buffer | undefined> {
    return this.run('read', path, () => this.disk.get(this.root + path))
  }

  async readRange(path: string, from: number, to: number): Promise<Buffer> {
    return (await this.read(path)).subarray(from, Math.max(from, to))
  }

  list(prefix: string): Promise<StoredFile[]> {
    return this.run('list', prefix, () => {
      const found = this.disk.list(this.root + prefix)
      return found.map((file) => ({ ...file, path: file.path.slice(this.root.length) }))
    })
  }

  delete(path: string): Promise<void> {
    return this.run('delete', path, () => this.disk.delete(this.root + path, this.actor.name))
  }

  describe(): string {
    return this.root === '' ? 'sim:' : `sim:/${this.root.slice(0, -1)}`
  }

  url(): string {
    return this.describe()
  }

  check(): Promise<void> {
    return Promise.resolve()
  }

  private run<T>(kind: Kind, path: string, act: () => T): Promise<T> {
    const { scheduler, faults, actor } = this
    const fate = faults.storageFate(REQUESTS[kind], scheduler.nowMs)
    const name = `${kind} ${this.root}${path}`
    return new Promise<T>((resolve, reject) => {
      const fail = (): void =>
        reject(new MillraceError('MILLRACE_STORAGE', `cannot ${kind} ${path}: injected: ${fate}`))
      const carryOut = (then: (result: T) => void): void => {
        scheduler.schedule(this.controller, faults.storageMs(), `disk ${name}`, () => {
          if (!actor.alive && faults.lostInFlight()) return
          then(act())
        })
      }
      const reply = (run: () => void): void => {
        scheduler.schedule(actor, faults.storageMs(), `reply ${name}`, run)
      }
      if (fate === 'pass') return carryOut((result) => reply(() => resolve(result)))
      if (fate === 'done') return carryOut(() => reply(fail))
      if (fate === 'late') scheduler.schedule(this.controller, faults.lateMs(), `disk late ${name}`, () => void act())
      reply(fail)
    })
  }
}
