import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { onTestFinished } from 'vitest'
import type { JobDefinition } from '../../runtime/contract/graph.js'
import { runInProcess, type InProcessOptions, type InProcessResult } from '../../runtime/testing/run-in-process.js'
import { systemClock } from '../../runtime/worker/system-clock.js'

/** A folder that is gone after the test. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-jobs-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return folder
}

/** Writes files and returns their folder. */
export async function inputFolder(files: Readonly<Record<string, string | Uint8Array>>): Promise<string> {
  const folder = join(await temporaryFolder(), 'input')
  await mkdir(folder)
  for (const [name, content] of Object.entries(files)) await writeFile(join(folder, name), content)
  return folder
}

/** What a run left behind: the lines of each output folder, sorted. */
export interface JobRun<Output extends string> {
  readonly result: InProcessResult
  readonly lines: Readonly<Record<Output, string[]>>
}

/** Runs a job to its end, each of `outputs` a parameter that names a folder of its own. */
export async function runJob<Output extends string>(
  job: JobDefinition,
  outputs: readonly Output[],
  { params, ...options }: InProcessOptions = {},
): Promise<JobRun<Output>> {
  const folder = await temporaryFolder()
  const folders = outputs.map((output) => [output, `file:${join(folder, output)}`] as const)
  const result = await runInProcess(job, { ...options, params: { ...params, ...Object.fromEntries(folders) } })
  const lines = {} as Record<Output, string[]>
  for (const output of outputs) lines[output] = (await committedLines(join(folder, output))).sort()
  return { result, lines }
}

/** The lines of every file that readers take: recursively, but for names that begin with a dot or an underscore. */
export async function committedLines(folder: string): Promise<string[]> {
  const lines: string[] = []
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => [])
  for (const entry of entries) {
    if (!entry.isFile() || /^[._]/.test(basename(entry.name))) continue
    const content = await readFile(join(entry.parentPath, entry.name), 'utf8')
    lines.push(...content.split('\n').slice(0, -1))
  }
  return lines
}

/** The sum of an operator's counter, 0 if it has none. */
export function counter(result: InProcessResult, uid: string, name: string): number {
  return result.counters[uid]?.[name] ?? 0
}

/**
 * Options that stop a run after so many looks at the clock, so after so much work on every machine; the next run goes on from there.
 * Without a number it runs to its end.
 */
export function suspendAfter(looks: number | undefined): Pick<InProcessOptions, 'onStart' | 'clock'> {
  if (looks === undefined) return {}
  let left = looks
  let suspend = (): void => undefined
  return {
    onStart: (running) => {
      suspend = () => running.suspend()
    },
    clock: {
      now() {
        // Not at once: the coordinator, too, looks at the clock.
        if (--left === 0) setImmediate(() => suspend())
        return systemClock.now()
      },
      setTimeout: systemClock.setTimeout,
    },
  }
}

/** What is left of the records when each of the lines is taken away once. */
export function withoutLines<T extends { readonly line: string }>(
  records: readonly T[],
  lines: readonly string[],
): T[] {
  const away = new Map<string, number>()
  for (const line of lines) away.set(line, (away.get(line) ?? 0) + 1)
  return records.filter(({ line }) => {
    const left = away.get(line) ?? 0
    if (left > 0) away.set(line, left - 1)
    return left === 0
  })
}
