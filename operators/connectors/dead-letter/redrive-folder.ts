import { redrivePrefix } from '../../../runtime/contract/failed-record.js'
import { openStorage } from '../../../runtime/storage/open-storage.js'
import type { CheckpointStorage } from '../../../runtime/storage/storage.js'

/** What is to be fed again to one operator. Main thread and slots. */
export class RedriveFolder {
  private readonly storage: CheckpointStorage
  private readonly prefix: string

  constructor(url: string, uid: string) {
    this.storage = openStorage(url)
    this.prefix = redrivePrefix(uid)
  }

  describe(name: string): string {
    return `${this.storage.describe()}/${this.prefix}${name}`
  }

  /** Names of files that were not emptied, ordered. */
  async names(): Promise<string[]> {
    const files = await this.storage.list(this.prefix)
    return files.flatMap(({ path, size }) => (size > 0 ? [path.slice(this.prefix.length)] : []))
  }

  /** The lines of a file; undefined if it is gone. */
  async read(name: string): Promise<string[] | undefined> {
    const bytes = await this.storage.readIfExists(this.prefix + name)
    return bytes
      ?.toString('utf8')
      .split('\n')
      .filter((line) => line !== '')
  }

  /** Its name stays: what is laid out once is not laid out again. */
  async empty(name: string): Promise<void> {
    await this.storage.overwrite(this.prefix + name, new Uint8Array())
  }
}
