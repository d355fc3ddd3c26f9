import { readdirSync } from 'node:fs'
import { availableParallelism } from 'node:os'

/** What the process as a whole used since it was asked before. */
export interface ProcessUsage {
  /** 100: all processors this process may use. */
  readonly cpuPercent: number
  /** Undefined where the system does not tell. */
  readonly threads: number | undefined
}

/** Asks the operating system. Main thread. */
export class ProcessWatch {
  private cpu: NodeJS.CpuUsage = process.cpuUsage()
  private atMs: number = performance.now()

  usage(): ProcessUsage {
    const cpu = process.cpuUsage()
    const atMs = performance.now()
    const usedMs = (cpu.user + cpu.system - this.cpu.user - this.cpu.system) / 1000
    const cpuPercent = (100 * usedMs) / ((atMs - this.atMs) * availableParallelism())
    this.cpu = cpu
    this.atMs = atMs
    return { cpuPercent, threads: threadsOfProcess() }
  }
}

function threadsOfProcess(): number | undefined {
  try {
    return readdirSync('/proc/self/task').length
  } catch {
    return undefined
  }
}
