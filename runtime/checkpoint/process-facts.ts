import { hostname } from 'node:os'
import type { ProcessIdentity } from './manifest.js'

/** What can be found out about a process on this host. */
export interface ProcessState {
  readonly alive: boolean
  /** See `ProcessIdentity.startTicks`; null where the system has none. */
  readonly startTicks: number | null
}

/** The only way to the process table: the simulator supplies its own. */
export interface ProcessFacts {
  self(): ProcessIdentity
  stateOf(pid: number): ProcessState
}

/** Reads a small file; undefined when that fails. */
export type ReadText = (path: string) => string | undefined

/** The real process table, read from `/proc` where there is one. A zombie counts as dead. */
export function systemProcesses(readText: ReadText): ProcessFacts {
  const self: ProcessIdentity = {
    host: hostname(),
    bootId: readText('/proc/sys/kernel/random/boot_id')?.trim() ?? null,
    pid: process.pid,
    startTicks: procState(process.pid, readText)?.startTicks ?? null,
  }
  return {
    self: () => self,
    stateOf: (pid) => procState(pid, readText) ?? { alive: answersSignal(pid), startTicks: null },
  }
}

/** From `/proc/<pid>/stat`; undefined where there is no such file. */
function procState(pid: number, readText: ReadText): ProcessState | undefined {
  const stat = readText(`/proc/${pid}/stat`)
  if (stat === undefined) return undefined
  // pid (name) state ...: the name may hold anything, so count from its last parenthesis. The state is field 3, the start field 22.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const startTicks = Number(fields[19])
  return { alive: fields[0] !== 'Z' && fields[0] !== 'X', startTicks: Number.isFinite(startTicks) ? startTicks : null }
}

function answersSignal(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as { code?: string }).code === 'EPERM' // somebody else's
  }
}
