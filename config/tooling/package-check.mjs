// `npm run package-check`: packs the package, looks into the tarball, and uses it as an installed one would be used.
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))
const required = [
  'LICENSE',
  'README.md',
  'CHANGELOG.md',
  'package.json',
  'bin/runtime.mjs',
  'config/tooling/prepare.mjs',
  'dist/runtime/cli/main.js',
  'dist/runtime/worker/slot-entry.js',
  'dist/operators/index.js',
  'dist/operators/index.d.ts',
]
const allowed =
  /^(LICENSE|README\.md|CHANGELOG\.md|package\.json|bin\/.*|config\/tooling\/prepare\.mjs|docs\/img\/.*\.svg|dist\/.*(\.js|\.js\.map|\.d\.ts))$/

const folder = mkdtempSync(join(tmpdir(), 'millrace-package-'))
try {
  const tarball = checkContents(folder)
  run('publint', ['run', '--strict', tarball])
  run('attw', [tarball, '--profile', 'esm-only'])
  useAsInstalled(tarball, join(folder, 'user'))
  console.log('package-check: passed')
} catch (error) {
  console.error(`package-check: ${error.message}`)
  process.exitCode = 1
} finally {
  rmSync(folder, { recursive: true, force: true })
}

function checkContents(destination) {
  const json = execFileSync('npm', ['pack', '--ignore-scripts', '--json', '--pack-destination', destination], {
    cwd: root,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [packed] = Object.values(JSON.parse(json))
  const paths = packed.files.map((file) => file.path)
  const missing = required.filter((path) => !paths.includes(path))
  const surplus = paths.filter((path) => !allowed.test(path))
  if (missing.length > 0) throw new Error(`the package lacks ${missing.join(', ')}`)
  if (surplus.length > 0) throw new Error(`the package should not contain ${surplus.join(', ')}`)
  console.log(`${paths.length} files, ${Math.round(packed.size / 1024)} kB`)
  return join(destination, packed.filename)
}

/** Unpacks into another project's node_modules, beside the dependencies, and runs the program and each public entry there. */
function useAsInstalled(tarball, project) {
  const modules = join(project, 'node_modules')
  const home = join(modules, 'millrace')
  mkdirSync(home, { recursive: true })
  execFileSync('tar', ['-xzf', tarball, '-C', home, '--strip-components=1'])
  const { dependencies, exports } = JSON.parse(readFileSync(join(home, 'package.json'), 'utf8'))
  for (const name of Object.keys(dependencies)) {
    mkdirSync(dirname(join(modules, name)), { recursive: true })
    symlinkSync(join(root, 'node_modules', name), join(modules, name))
  }
  const node = (args) => execFileSync(process.execPath, args, { cwd: project, stdio: ['ignore', 'ignore', 'inherit'] })
  node([join(home, 'config/tooling/prepare.mjs')])
  node([join(home, 'bin/runtime.mjs'), '--help'])
  for (const entry of Object.keys(exports).filter((path) => !/[*]|package\.json/.test(path))) {
    node(['--input-type=module', '-e', `await import('millrace${entry.slice(1)}')`])
  }
}

function run(tool, args) {
  execFileSync(join(root, 'node_modules', '.bin', tool), args, { cwd: root, stdio: 'inherit' })
}
