// The emulators of real services that test/services runs against: what they are, where they are, how they are installed.
import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { withLock } from './lock.mjs'

const run = promisify(execFile)
const INSTALL_TIMEOUT_MS = 600_000

/** Ignored by git. Kept between runs. */
const CACHE = fileURLToPath(new URL('../../.services', import.meta.url))

/** What `npm run test:services` installs, by name. A new version is installed in place of the old one. */
const INSTALLED = {
  moto: { version: '5.2.5', needs: ['python3'], install: (folder) => pip(folder, 'moto[server,all]==5.2.5') },
  ministack: { version: '1.5.33', needs: ['python3'], install: (folder) => pip(folder, 'ministack==1.5.33') },
  'dynamodb-local': { version: '2.6.1', needs: ['java', 'mvn'], install: dynamoDbLocal },
}

/** What takes minutes to compile: used where its binary is, never compiled here. */
const COMPILED = {
  ferrokinesis: 'cargo install ferrokinesis --version 0.7.0 --locked --root .services/ferrokinesis',
  versitygw:
    'GOBIN="$PWD/.services/versitygw/bin" go install github.com/versity/versitygw/cmd/versitygw@v1.8.0 (any folder on PATH will do too)',
}

/** What the system's packages bring: installed with apt-get where that may be done. */
const SYSTEM = {
  chromium: ['chromium', 'chromium-browser', 'google-chrome'],
}

/** The names of all emulators but kinesis-local, which npm brings. */
export const serviceNames = [...Object.keys(INSTALLED), ...Object.keys(SYSTEM), ...Object.keys(COMPILED)]

/**
 * Whether CI may go without it.
 *
 * @param {string} name
 * @returns {boolean}
 */
export function isOptional(name) {
  return name in COMPILED
}

/**
 * The folder of an installed service, or the path of another one's binary; undefined where it is not there.
 *
 * @param {string} name
 * @returns {string | undefined}
 */
export function locate(name) {
  if (name in INSTALLED) {
    const folder = join(CACHE, name)
    return installedVersion(folder) === INSTALLED[name].version ? folder : undefined
  }
  if (name in SYSTEM) return SYSTEM[name].map((program) => findProgram(program)).find((path) => path !== undefined)
  return findProgram(name, [join(CACHE, name, 'bin')])
}

/**
 * Why a service is not there, in a line; undefined if it is.
 *
 * @param {string} name
 * @returns {string | undefined}
 */
export function whyMissing(name) {
  if (locate(name) !== undefined) return undefined
  if (name in COMPILED) return `${name} is not installed (takes minutes to compile): ${COMPILED[name]}`
  if (name in SYSTEM) return `${name} is not installed: apt-get install ${name}`
  const lacking = INSTALLED[name].needs.filter((program) => findProgram(program) === undefined)
  if (lacking.length > 0) return `${name} needs ${lacking.join(' and ')}`
  return `${name} is not installed: npm run test:services does it`
}

/**
 * Installs what can be and is not yet. Returns a line for each that failed.
 *
 * @param {(line: string) => void} log
 * @returns {Promise<string[]>}
 */
export async function installServices(log) {
  mkdirSync(CACHE, { recursive: true })
  return withLock(join(CACHE, '.lock'), async () => {
    const failures = []
    for (const [name, { version, needs, install }] of Object.entries(INSTALLED)) {
      if (locate(name) !== undefined || needs.some((program) => findProgram(program) === undefined)) continue
      const started = Date.now()
      log(`installing ${name} ${version}`)
      try {
        const folder = join(CACHE, name)
        rmSync(folder, { recursive: true, force: true })
        await install(folder)
        writeFileSync(join(folder, '.version'), version)
        log(`installed ${name} in ${Math.round((Date.now() - started) / 1000)} s`)
      } catch (error) {
        failures.push(
          `${name} was not installed: ${String(error.stderr || error.message)
            .trim()
            .split('\n')
            .at(-1)}`,
        )
      }
    }
    return failures
  })
}

async function pip(folder, requirement) {
  await run('python3', ['-m', 'venv', folder], { timeout: INSTALL_TIMEOUT_MS })
  const options = ['--quiet', '--disable-pip-version-check', '--no-input']
  await run(join(folder, 'bin', 'python'), ['-m', 'pip', 'install', ...options, requirement], {
    timeout: INSTALL_TIMEOUT_MS,
  })
}

async function dynamoDbLocal(folder) {
  mkdirSync(folder, { recursive: true })
  const pom = join(folder, 'pom.xml')
  writeFileSync(
    pom,
    `<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
  <groupId>millrace</groupId><artifactId>dynamodb-local</artifactId><version>1</version>
  <dependencies><dependency><groupId>com.amazonaws</groupId><artifactId>DynamoDBLocal</artifactId>
    <version>2.6.1</version></dependency></dependencies></project>\n`,
  )
  const goal = ['dependency:copy-dependencies', `-DoutputDirectory=${join(folder, 'lib')}`]
  await run('mvn', ['--batch-mode', '--quiet', '--file', pom, ...goal], { timeout: INSTALL_TIMEOUT_MS })
}

function installedVersion(folder) {
  const path = join(folder, '.version')
  return existsSync(path) ? readFileSync(path, 'utf8').trim() : undefined
}

function findProgram(program, before = []) {
  const folders = [...before, ...(process.env.PATH ?? '').split(delimiter)]
  return folders.map((folder) => join(folder, program)).find((path) => existsSync(path))
}
