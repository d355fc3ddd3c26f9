import { hiddenParts, visibleParts, type KilledJob } from './killed-job.js'

/** Looks at the files now; what it returns tells whether the moment has come since. */
export type Moment = (job: KilledJob) => () => boolean

/** Moments of a checkpoint, by what the files show. */
export const moments: Readonly<Record<string, Moment>> = {
  'state is written, its manifest is not': (job) => {
    const before = new Set(job.segmentNames())
    return () => job.segmentNames().some((name) => !before.has(name))
  },
  'the manifest has just appeared': (job) => {
    const before = job.manifestNames().at(-1)
    return () => job.manifestNames().at(-1) !== before
  },
  'the first part of a commit has just appeared': (job) => {
    const before = new Set(visibleParts(job.path('out')))
    return () => visibleParts(job.path('out')).some((path) => !before.has(path))
  },
  'a part has just been begun': (job) => {
    const before = new Set(hiddenParts(job.path('out')))
    return () => hiddenParts(job.path('out')).some((name) => !before.has(name))
  },
}
