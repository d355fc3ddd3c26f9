import { redrivePrefix } from '../../../runtime/contract/failed-record.js'
import { openStorage } from '../../../runtime/storage/open-storage.js'
import type { CheckpointStorage } from '../../../runtime/storage/storage.js'

const LAID_OUT = '.jsonl'
/** An empty file beside a file that some run has read to its end. */
const TAKEN = '.taken'

/** The names of files, ordered. */
export interface RedriveFiles {
  readonly names: readonly string[]
  /** Those that some run has read. */
  readonly taken: ReadonlySet<string>
}

/** What is to be fed again to one operator of a job. Main thread and slots. */
export class RedriveFolder {
  private readonly storage: CheckpointStorage
  private readonly prefix: string

  constructor(url: string, jobId: string, uid: string) {
    this.storage = openStorage(url)
    this.prefix = redrivePrefix(jobId, uid)
  }

  describe(name: string): string {
    return `${this.storage.describe()}/${this.prefix}${name}`
  }

  async list(): Promise<RedriveFiles> {
    const files = (await this.storage.list(this.prefix)).map(({ path }) => path.slice(this.prefix.length))
    const taken = files.filter((name) => name.endsWith(TAKEN)).map((name) => name.slice(0, -TAKEN.length))
    return { names: files.filter((name) => name.endsWith(LAID_OUT)), taken: new Set(taken) }
  }

  /** The lines of a file; undefined if it is gone. */
  async read(name: string): Promise<string[] | undefined> {
    const bytes = await this.storage.readIfExists(this.prefix + name)
    return bytes
      ?.toString('utf8')
      .split('\n')
      .filter((line) => line !== '')
  }

  async markTaken(name: string): Promise<void> {
    await this.storage.createExclusive(this.prefix + name + TAKEN, new Uint8Array())
  }
}
