// Builds dist when the sources have changed, while programs may be running from it:
//
//   sources --tsc, incremental--> .build/ --rename, changed files only--> dist/ --> dist/.stamp
//
// dist is never emptied, a file in it is replaced as a whole, and only after the whole build has compiled without error.
// One build runs at a time (.build.lock); who waited for it finds dist fresh and does nothing.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fingerprintOf, sourceFiles } from './fingerprint.mjs'
import { withLock } from './lock.mjs'

/** Builds if needed. Returns an exit code: 0 when dist is fresh at the end. Compiler errors go to standard error. */
export async function buildIfStale(root) {
  if (isFresh(root)) return 0
  return withLock(join(root, '.build.lock'), () => (isFresh(root) ? 0 : build(root)))
}

/** Whether dist was built from exactly the sources that lie there now. */
export function isFresh(root) {
  return readOrNull(stampPath(root))?.toString() === fingerprintOf(root)
}

function build(root) {
  const compiler = join(root, 'node_modules', 'typescript', 'lib', 'tsc.js')
  if (!existsSync(compiler)) {
    const isBuilt = existsSync(join(root, 'dist', 'runtime', 'cli', 'main.js'))
    console.error(
      isBuilt
        ? 'build: TypeScript is not installed, dist stays as it is'
        : 'build: TypeScript is not installed. Run "npm install --include=dev"',
    )
    return isBuilt ? 0 : 1
  }
  const fingerprint = fingerprintOf(root)
  let code = compile(root, compiler)
  if (code === 0 && outputsOf(root).some((path) => !existsSync(join(root, '.build', path)))) {
    // Somebody removed outputs but not the compiler's memory of them.
    rmSync(join(root, '.build'), { recursive: true, force: true })
    code = compile(root, compiler)
  }
  if (code !== 0) {
    console.error('build: failed, dist is unchanged')
    return code
  }
  publish(root)
  replaceFile(stampPath(root), fingerprint)
  return 0
}

function compile(root, compiler) {
  const result = spawnSync(process.execPath, [compiler, '-p', 'tsconfig.build.json', '--pretty', 'false'], {
    cwd: root,
    stdio: ['ignore', 2, 2],
  })
  return result.status ?? 1
}

/** Moves what changed into dist, then removes what no source stands behind any more. */
function publish(root) {
  const outputs = outputsOf(root)
  for (const path of outputs) {
    const built = readFileSync(join(root, '.build', path))
    const target = join(root, 'dist', path)
    if (readOrNull(target)?.equals(built)) continue
    mkdirSync(dirname(target), { recursive: true })
    replaceFile(target, built)
  }
  const wanted = new Set(outputs)
  const dist = join(root, 'dist')
  for (const path of readdirSync(dist, { recursive: true })) {
    if (wanted.has(path.replaceAll('\\', '/'))) continue
    if (statSync(join(dist, path)).isFile() && path !== '.stamp') rmSync(join(dist, path))
  }
}

function outputsOf(root) {
  return sourceFiles(root).flatMap((path) => {
    const stem = path.slice(0, -'.ts'.length)
    return [`${stem}.js`, `${stem}.js.map`, `${stem}.d.ts`]
  })
}

function replaceFile(path, content) {
  const temporary = `${path}.${process.pid}.tmp`
  writeFileSync(temporary, content)
  renameSync(temporary, path)
}

function stampPath(root) {
  return join(root, 'dist', '.stamp')
}

function readOrNull(path) {
  try {
    return readFileSync(path)
  } catch (error) {
    if (error.code === 'ENOENT') return null
    throw error
  }
}
