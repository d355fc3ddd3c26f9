import { createHash, randomUUID } from 'node:crypto'
import {
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  statSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join, parse } from 'node:path'
import { MillraceError } from '../contract/errors.js'

const KEPT_MS = 24 * 3_600_000

/** The folder that Millrace keeps its files in, below `parent`; made, and hidden from git, if missing. */
export function makeMillraceFolder(parent: string): string {
  const folder = join(parent, '.millrace')
  if (mkdirSync(folder, { recursive: true }) !== undefined) writeFileSync(join(folder, '.gitignore'), '*\n')
  return folder
}

/** A bundle on disk. Its name tells its content, so that submits at the same time share it or do not meet. */
export class BundleFile {
  readonly path: string
  private readonly folder: string
  private readonly code: string

  /** `folder` ends in `.millrace/.bundles`. Writes nothing yet. */
  constructor(folder: string, jobFile: string, code: string) {
    const hash = createHash('sha256').update(code).digest('hex').slice(0, 16)
    const name = parse(jobFile).name.replace(/[^\w-]+/g, '_')
    this.folder = folder
    this.path = join(folder, `${name}-${hash}.mjs`)
    this.code = code
  }

  /** Writes it unless it is there; threads that start late find it again. MILLRACE_JOB_FILE where that can't be. */
  ensure(nowMs: number): void {
    try {
      if (existsSync(this.path)) return utimesSync(this.path, nowMs / 1000, nowMs / 1000)
      makeMillraceFolder(join(this.folder, '../..'))
      mkdirSync(this.folder, { recursive: true })
      const temporary = join(this.folder, `.${randomUUID()}`)
      writeFileSync(temporary, this.code)
      renameSync(temporary, this.path)
    } catch (error) {
      throw new MillraceError('MILLRACE_JOB_FILE', `the bundled job cannot be written: ${(error as Error).message}`, {
        hint: `it has to lie beside the job's package.json, for its packages to be found: make ${this.folder} writable`,
        cause: error,
      })
    }
  }

  /** Removes bundles that no one has started from for a day. Failures don't matter. */
  removeOld(nowMs: number): void {
    for (const name of existsSync(this.folder) ? readdirSync(this.folder) : []) {
      const path = join(this.folder, name)
      try {
        if (path !== this.path && nowMs - statSync(path).mtimeMs > KEPT_MS) unlinkSync(path)
      } catch {
        // Another submit was quicker, or it isn't ours to delete.
      }
    }
  }
}
