import { link, readdir, rename, rm, stat, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import type { Stats } from 'node:fs'
import { MillraceError } from '../../../runtime/contract/errors.js'
import type { SinkCommitter, SinkCommitterContext } from '../../../runtime/contract/sink.js'
import { errnoOf, outputError } from './file-errors.js'
import { ensureFolder, syncFolder } from './output-folder.js'
import { escapeRun, hiddenPattern, publishedPattern } from './part-name.js'
import type { PartCommittable } from './part-writer.js'

/** The published name is there by now, or the hidden one no longer. */
const LOST_RACE = ['EEXIST', 'ENOENT']
const NO_LINKS = ['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK']

/** Publishes completed parts under their names and clears away what was never completed. Main thread. */
export class PartCommitter implements SinkCommitter<PartCommittable> {
  private readonly folder: string
  private readonly prefix: string
  private readonly ctx: SinkCommitterContext

  constructor(folder: string, prefix: string, ctx: SinkCommitterContext) {
    this.folder = folder
    this.prefix = prefix
    this.ctx = ctx
  }

  /**
   * A part gets its name by a link, which never overwrites; the hidden name goes once the new one is durable. A crash between any two
   * steps leaves what the next call recognises: by the hidden file, or by a published one of the right size.
   */
  async commit(committables: readonly PartCommittable[]): Promise<void> {
    const hidden: string[] = []
    for (const part of committables) if (await this.publish(part)) hidden.push(part.hidden)
    if (committables.length > 0) await syncFolder(this.folder)
    for (const name of hidden) await this.forget(name)
  }

  async recover({ fresh }: { readonly fresh: boolean }): Promise<void> {
    await ensureFolder(this.folder)
    const names = await readdir(this.folder).catch((error: unknown) => {
      throw outputError(this.folder, error)
    })
    const own = hiddenPattern(this.prefix, this.ctx.runId, this.ctx.uid)
    for (const name of names) {
      const match = own.exec(name)
      // A newer epoch is a process that has taken over: not ours to clear.
      if (match !== null && Number(match[1]) <= this.ctx.epoch) await rm(join(this.folder, name), { force: true })
    }
    if (fresh) this.warnOfOthers(names)
  }

  /** Whether a hidden name is left to remove. */
  private async publish(part: PartCommittable): Promise<boolean> {
    const { hidden, published, bytes } = part
    const from = join(this.folder, hidden)
    const to = join(this.folder, published)
    const [written, taken] = [await look(from), await look(to)]
    if (written === undefined) {
      if (taken === undefined)
        throw this.lost(published, 'is gone, hidden and published: its lines cannot be published any more')
      if (taken.size !== bytes)
        throw this.lost(published, `has ${taken.size} bytes, not the ${bytes} that were written`)
      return false
    }
    if (taken !== undefined) {
      if (taken.ino === written.ino && taken.dev === written.dev) return true
      throw this.lost(published, 'exists already and is not the part that is to be published')
    }
    if (written.size !== bytes) throw this.lost(hidden, `has ${written.size} bytes, not the ${bytes} that were written`)
    try {
      await link(from, to)
      return true
    } catch (error) {
      // Another process that goes on with the job, or was taken over in this very commit, was quicker: look again.
      if (LOST_RACE.includes(errnoOf(error))) return this.publish(part)
      if (!NO_LINKS.includes(errnoOf(error))) throw outputError(to, error)
    }
    try {
      await rename(from, to)
      return false
    } catch (error) {
      if (LOST_RACE.includes(errnoOf(error))) return this.publish(part)
      throw outputError(to, error)
    }
  }

  private async forget(hidden: string): Promise<void> {
    const path = join(this.folder, hidden)
    await unlink(path).catch((error: unknown) => {
      if (errnoOf(error) !== 'ENOENT') throw outputError(path, error)
    })
  }

  private warnOfOthers(names: readonly string[]): void {
    const parts = publishedPattern(this.prefix)
    const run = escapeRun(this.ctx.runId)
    const others = names.filter((name) => {
      const match = parts.exec(name)
      return match !== null && match[1] !== run
    })
    if (others.length === 0) return
    const count = others.length === 1 ? 'a part' : `${others.length} parts`
    this.ctx.warn(
      `output folder ${this.folder} already holds ${count} of other runs, ${others[0]} for one: this run adds to them`,
    )
  }

  private lost(name: string, what: string): MillraceError {
    return new MillraceError('MILLRACE_OUTPUT', `output file ${join(this.folder, name)} ${what}`, {
      hint: 'put it back as it was; or start from the beginning into another folder, with --restore none or another --job-id',
    })
  }
}

async function look(path: string): Promise<Stats | undefined> {
  try {
    return await stat(path)
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined
    throw outputError(path, error)
  }
}
