// What becomes of an import of the job:
//
//   millrace, millrace/...        stays an import, of the running copy's file
//   ./x.ts, alias/x, TypeScript   bundled, its import.meta telling of its source
//   a package                     stays an import, found by Node from where the bundle lies; by its file's URL where Node would
//                                 find another one from there
//   a package built on millrace   bundled: its import of millrace must be the running copy too
//   ./x.cjs, ./x.node             stays an import of that file: Node knows what it is
import type { OnLoadArgs, OnLoadResult, OnResolveArgs, OnResolveResult, Plugin, PluginBuild } from 'esbuild'
import { readFile } from 'node:fs/promises'
import { isBuiltin } from 'node:module'
import { dirname, extname } from 'node:path'
import { pathToFileURL } from 'node:url'
import { buildsOnMillrace, findPackage, isCommonJs } from './packages.js'

const META = 'millrace-meta'
/** Stands for `import.meta` in the bundle. */
export const META_NAME = '__millraceMeta'
/** The bundle's own `import.meta.resolve`, defined in its banner. */
export const RESOLVE_NAME = '__millraceResolve'
const LOADERS = { '.ts': 'ts', '.mts': 'ts', '.tsx': 'tsx', '.js': 'js', '.mjs': 'js', '.jsx': 'jsx' } as const
const SEEN = Symbol('resolved by esbuild itself')

/** What the plugin needs to know. */
export interface BundlePluginOptions {
  /** Where the bundle will lie. */
  readonly folder: string
  readonly resolveOwn: (specifier: string) => string | undefined
}

/** The esbuild plugin that decides what is bundled. Main thread. */
export function bundlePlugin(options: BundlePluginOptions): Plugin {
  return {
    name: 'millrace',
    setup(build) {
      build.onResolve({ filter: /^millrace(?:\/|$)/ }, ({ path }) => ownImport(path, options))
      build.onResolve({ filter: new RegExp(`^${META}:`) }, ({ path }) => ({
        path: path.slice(META.length + 1),
        namespace: META,
      }))
      build.onResolve({ filter: /./ }, (args) => resolveImport(build, args, options))
      build.onLoad({ filter: /./, namespace: META }, ({ path }) => ({ contents: metaModule(path), loader: 'js' }))
      build.onLoad({ filter: /\.(?:[jt]sx?|m[jt]s)$/, namespace: 'file' }, withMeta)
    },
  }
}

function ownImport(specifier: string, options: BundlePluginOptions): OnResolveResult {
  const url = options.resolveOwn(specifier)
  return url === undefined
    ? { errors: [{ text: `millrace has no entry "${specifier}"` }] }
    : { path: url, external: true }
}

async function resolveImport(
  build: PluginBuild,
  args: OnResolveArgs,
  options: BundlePluginOptions,
): Promise<OnResolveResult | undefined> {
  const { path, kind } = args
  if (kind === 'entry-point' || args.pluginData === SEEN || args.namespace !== 'file') return undefined
  if (isBuiltin(path)) return { path, external: true }
  if (/^[a-z]{2,}:/i.test(path)) return path.startsWith('data:') ? undefined : { path, external: true }
  const { importer, resolveDir, namespace } = args
  const found = await build.resolve(path, { importer, resolveDir, namespace, kind, with: args.with, pluginData: SEEN })
  if (/^[./]/.test(path)) {
    // esbuild says itself what is wrong with a path that leads nowhere.
    if (found.errors.length > 0) return undefined
    return found.path.endsWith('.node') || isCommonJs(found.path) ? external(found.path, kind) : undefined
  }
  if (found.errors.length > 0) return missingPackage(path, kind)
  if (found.external) return { path, external: true }
  if (path.startsWith('#')) return found.path.includes('/node_modules/') ? { path, external: true } : undefined
  const folder = findPackage(path, resolveDir)
  // A path alias of tsconfig.json, or the package's own name.
  if (folder === undefined) return undefined
  if (/\.[cm]?tsx?$/.test(found.path) || (buildsOnMillrace(folder) && !isCommonJs(found.path))) return undefined
  return findPackage(path, options.folder) === folder ? { path, external: true } : external(found.path, kind)
}

function external(path: string, kind: OnResolveArgs['kind']): OnResolveResult {
  return { path: kind.startsWith('require') ? path : pathToFileURL(path).href, external: true }
}

/** What is loaded while the job runs may be caught by it; what is imported at its top must be there. */
function missingPackage(path: string, kind: OnResolveArgs['kind']): OnResolveResult {
  if (kind !== 'import-statement') return { path, external: true }
  return { errors: [{ text: `cannot find package "${path}"`, detail: 'package' }] }
}

/** The import goes to the end and is hoisted: lines and columns of the source stay what they are. */
async function withMeta({ path }: OnLoadArgs): Promise<OnLoadResult | undefined> {
  const source = await readFile(path, 'utf8')
  if (!/\bimport\s*\.\s*meta\b/.test(source)) return undefined
  const loader = LOADERS[extname(path) as keyof typeof LOADERS]
  const contents = `${source}\nimport * as ${META_NAME} from ${JSON.stringify(`${META}:${path}`)}\n`
  return { contents, loader, resolveDir: dirname(path) }
}

function metaModule(path: string): string {
  return `
    export const url = ${JSON.stringify(pathToFileURL(path).href)}
    export const filename = ${JSON.stringify(path)}
    export const dirname = ${JSON.stringify(dirname(path))}
    export const resolve = (specifier) => /^[./]/.test(specifier) ? new URL(specifier, url).href : ${RESOLVE_NAME}(specifier)
  `
}
