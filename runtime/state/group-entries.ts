import { IdList } from './id-list.js'
import { KeyIndex } from './key-index.js'
import type { KeyColumn } from './page-size.js'

/** The entries of one key group. Its ids are never used for another group's. */
export class GroupEntries {
  readonly keyGroup: number
  /** Its place among the groups of the subtask. */
  readonly index: number
  readonly ids: KeyIndex
  /** Ids that are not in use. */
  readonly free: IdList = new IdList()
  /** Ids whose entry has changed in this epoch; freed ones may be among them. */
  changed: IdList = new IdList()
  /** The same, of the epoch that is being checkpointed. */
  frozen: IdList = new IdList()

  constructor(keyGroup: number, index: number, pages: readonly KeyColumn[]) {
    this.keyGroup = keyGroup
    this.index = index
    this.ids = new KeyIndex(pages)
  }
}
