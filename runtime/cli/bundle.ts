import { build, type BuildFailure, type BuildOptions, type Message } from 'esbuild'
import { realpathSync, statSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { MillraceError } from '../contract/errors.js'
import { BundleFile } from './bundle-files.js'
import { bundlePlugin, META_NAME, RESOLVE_NAME } from './bundle-plugin.js'
import { packageFolder } from './packages.js'

/** A job file with everything it imports by path, as one JavaScript module that every thread imports. */
export interface Bundle {
  readonly url: string
  /** Absolute paths of the files in it: the user's own. */
  readonly sources: ReadonlySet<string>
  readonly warnings: readonly string[]
  /** What the job calls the modules that it imports by URL. */
  readonly names: ReadonlyMap<string, string>
  /** Writes the file again if somebody removed it; for threads that start later. */
  ensure(): void
}

/** What bundling takes from outside. */
export interface BundleOptions {
  readonly nowMs: () => number
  readonly resolveOwn: (specifier: string) => string | undefined
}

/**
 * Bundles a job file into `.millrace/.bundles/` beside its nearest package.json (without one: beside the job file). What can't be
 * bundled is MILLRACE_JOB_FILE with the place and what is wrong there.
 */
export async function bundleJob(jobFile: string, options: BundleOptions): Promise<Bundle> {
  const entry = checkedPath(jobFile)
  const parent = packageFolder(dirname(entry)) ?? dirname(entry)
  const folder = join(parent, '.millrace', '.bundles')
  const names = new Map<string, string>()
  const resolveOwn = (specifier: string): string | undefined => {
    const url = options.resolveOwn(specifier)
    if (url !== undefined) names.set(url, specifier)
    return url
  }
  const result = await build(buildOptions(entry, folder, resolveOwn)).catch((error: unknown) => {
    throw buildError(error, jobFile)
  })
  const file = new BundleFile(folder, entry, result.outputFiles![0]!.text)
  file.ensure(options.nowMs())
  file.removeOld(options.nowMs())
  return {
    url: pathToFileURL(file.path).href,
    sources: new Set(Object.keys(result.metafile!.inputs).map((path) => resolve(path))),
    warnings: result.warnings.map((warning) => describe(warning)),
    names,
    ensure: () => file.ensure(options.nowMs()),
  }
}

function buildOptions(entry: string, folder: string, resolveOwn: BundleOptions['resolveOwn']): BuildOptions {
  return {
    entryPoints: [entry],
    outfile: join(folder, 'bundle.mjs'),
    write: false,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    charset: 'utf8',
    // Node's own: without this esbuild would prefer files for bundlers.
    conditions: [],
    sourcemap: 'inline',
    sourcesContent: true,
    legalComments: 'none',
    metafile: true,
    logLevel: 'silent',
    absWorkingDir: process.cwd(),
    define: { 'import.meta': META_NAME },
    banner: { js: bannerOf() },
    plugins: [bundlePlugin({ folder, resolveOwn })],
  }
}

/** `require` for the CommonJS that was bundled. */
function bannerOf(): string {
  return (
    "import { createRequire as __millraceRequire } from 'node:module'; " +
    `const require = __millraceRequire(import.meta.url), ${RESOLVE_NAME} = import.meta.resolve;`
  )
}

function checkedPath(jobFile: string): string {
  const path = resolve(jobFile)
  try {
    if (!statSync(path).isDirectory()) return realpathSync(path)
  } catch (error) {
    const missing = (error as { code?: string }).code === 'ENOENT'
    throw new MillraceError(
      'MILLRACE_JOB_FILE',
      `job file ${jobFile} ${missing ? 'does not exist' : 'cannot be read'}`,
      {
        hint: 'check the path; a relative one starts at the working directory',
        cause: error,
      },
    )
  }
  throw new MillraceError('MILLRACE_JOB_FILE', `${jobFile} is a folder`, { hint: 'name the job file in it' })
}

function buildError(error: unknown, jobFile: string): MillraceError {
  const first = (error as Partial<BuildFailure>).errors?.[0]
  if (first === undefined) {
    const reason = error instanceof Error ? error.message : String(error)
    return new MillraceError('MILLRACE_JOB_FILE', `job file ${jobFile} cannot be bundled: ${reason}`, { cause: error })
  }
  const { location } = first
  const at = location === null ? undefined : `${resolve(location.file)}:${location.line}:${location.column + 1}`
  const hint = hintFor(first)
  return new MillraceError('MILLRACE_JOB_FILE', describe(first), { hint, ...(at === undefined ? {} : { at }) })
}

/** `jobs/a.ts:3:7: Expected ";" but found "}": const x = }` */
function describe({ location, text }: Message): string {
  if (location === null) return text
  const place = `${location.file}:${location.line}:${location.column + 1}`
  return `${place}: ${text} in: ${location.lineText.trim().slice(0, 200)}`
}

function hintFor(message: Message): string {
  if (message.detail === 'package') return 'install it beside the job (npm install), or check the spelling'
  if (message.text.startsWith('Could not resolve')) return 'check the path of the import'
  if (message.text.startsWith('millrace has no entry'))
    return 'there are millrace, millrace/connectors/<name>, millrace/testing and millrace/runtime'
  if (message.text.startsWith('No loader')) return 'a job is a TypeScript or JavaScript file'
  return 'mend the file; types are not checked here, only the syntax'
}
