import { writeFiles } from '../cli/temp-folder.js'
import { expectedAlerts } from '../jobs/oracle-turbines.js'
import { turbineLines } from '../jobs/turbine-lines.js'
import { randomSource } from '../oracles/random-source.js'
import { KilledJob } from './killed-job.js'

/** Input of `slow-wind-turbine`, and what it must come to. */
export interface WindFarm {
  readonly recordsIn: number
  /** The lines of output, sorted. */
  readonly alerts: readonly string[]
  /** Writes the input below the folder and returns the job that reads it. */
  job(folder: string): KilledJob
}

const THRESHOLD = 45

/** The same for the same arguments. */
export function windFarm({ files, lines }: { readonly files: number; readonly lines: number }): WindFarm {
  const random = randomSource(7)
  const startMs = Date.UTC(2024, 0, 15)
  const all = Array.from({ length: files }, () => turbineLines(random, { count: lines, startMs, disorderMs: 5_000 }))
  const read = all.flat().filter(({ kind }) => kind === 'reading' || kind === 'invalid')
  const readings = all.flat().flatMap((line) => (line.kind === 'reading' ? [line.reading] : []))
  return {
    recordsIn: read.length,
    alerts: expectedAlerts(readings, THRESHOLD),
    job: (folder) => {
      for (const [i, file] of all.entries())
        writeFiles(folder, { [`in/${i}.txt`]: file.map(({ line }) => `${line}\n`).join('') })
      return new KilledJob(folder, 'slow-wind-turbine', {
        input: 'file:in',
        output: 'file:out',
        invalid: 'file:invalid',
        threshold: THRESHOLD,
      })
    },
  }
}
