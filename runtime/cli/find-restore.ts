import { randomUUID } from 'node:crypto'
import { checkpointPlace, findCheckpoint, laterCheckpoints } from '../checkpoint/find-checkpoint.js'
import { importCheckpoint } from '../checkpoint/import-checkpoint.js'
import { logPath } from '../checkpoint/log-path.js'
import { readEpochBelow } from '../checkpoint/log-reader.js'
import type { CheckpointManifest, ProcessIdentity } from '../checkpoint/manifest.js'
import { ManifestLog } from '../checkpoint/manifest-log.js'
import { MillraceError } from '../contract/errors.js'
import type { Clock } from '../contract/time.js'
import { openStorage } from '../storage/open-storage.js'
import type { CheckpointStorage } from '../storage/storage.js'
import { mainClock } from './clock.js'
import {
  chooseRestore,
  isFinished,
  refuseDuplicateOutput,
  withoutOtherOutput,
  type RestoreRequest,
} from './restore-choice.js'

/** Where the checkpoint to go on from is looked for. */
export interface RestorePlace {
  readonly storage: CheckpointStorage
  readonly jobId: string
  readonly identity: ProcessIdentity
  /** Who held the job before and did not give it free. */
  readonly predecessors: readonly ProcessIdentity[]
  /** `latest`, `none` or a path. */
  readonly restore: string
  readonly allowDuplicateOutput: boolean
  /** The savepoint is to become the job's own. */
  readonly claim: boolean
  /** What is outside of the process; by default the real thing. */
  readonly outside?: RestoreOutside
}

/** Other storages by folder or URL, the time, and random names. */
export interface RestoreOutside {
  readonly open: (url: string) => CheckpointStorage
  readonly clock: Clock
  readonly randomId: () => string
}

const OUTSIDE: RestoreOutside = { open: openStorage, clock: mainClock, randomId: randomUUID }

/** What was found. */
export interface FoundRestore {
  readonly request: RestoreRequest
  /** Undefined: a fresh start. */
  readonly checkpoint: CheckpointManifest | undefined
  /** Position of the newest checkpoint of the job's own log, if it was asked for that one. */
  readonly newest?: number | undefined
  /** Where it was, if it was copied from another storage. */
  readonly copiedFrom: string | undefined
  /** The savepoint that the job takes over. */
  readonly claimed: CheckpointStorage | undefined
  /** What the user should know. */
  readonly notes: readonly string[]
}

/**
 * Finds what `--restore` means and checks that the job can go on from it. A checkpoint of another storage is copied into the job's own
 * first. Call it while the job is held.
 */
export async function findRestore(job: Omit<RestoreRequest, 'mode'>, place: RestorePlace): Promise<FoundRestore> {
  const { storage, jobId, restore, claim } = place
  if (restore === 'latest' || restore === 'none') {
    if (claim) throw unclaimable(`--restore ${restore} names none`)
    const log = restore === 'none' ? undefined : await ManifestLog.open(storage, { jobId })
    const unreported = log !== undefined && (await isUnreported(log, place))
    const request: RestoreRequest = { ...job, mode: { kind: restore }, unreported }
    const latest = log?.latest()
    const checkpoint = chooseRestore(request, latest)
    return { request, checkpoint, newest: latest?.position, copiedFrom: undefined, claimed: undefined, notes: [] }
  }
  const { storageUrl, position } = checkpointPlace(restore)
  const from = (place.outside ?? OUTSIDE).open(storageUrl)
  const named = await findCheckpoint(from, position)
  if (claim && named.savepoint !== true) throw unclaimable(`${from.describe()} is none`)
  const own = from.describe() === storage.describe()
  chooseRestore({ ...job, mode: { kind: 'path', checkpoint: named } }, undefined)
  if (!place.allowDuplicateOutput) {
    const later = await laterCheckpoints(from, named.position, named.jobId)
    if (!own) later.push(...(await laterCheckpoints(storage, 0, jobId)))
    refuseDuplicateOutput(named, later, job.graph)
  }
  const fitting = withoutOtherOutput(named, job.graph)
  const checkpoint = own ? fitting.checkpoint : await copy(from, fitting.checkpoint, place)
  const copiedFrom = own ? undefined : `${from.describe()}/${logPath(named.position)}`
  return {
    request: { ...job, mode: { kind: 'path', checkpoint } },
    checkpoint,
    copiedFrom,
    claimed: claim ? from : undefined,
    notes: fitting.notes,
  }
}

function unclaimable(why: string): MillraceError {
  return new MillraceError('MILLRACE_USAGE', `--claim-mode claim takes over a savepoint, and ${why}`, {
    hint: 'name one with --restore PATH, or leave --claim-mode out: checkpoints of another folder are copied and stay',
  })
}

/**
 * What was found, when the log is taken over and `latest` is its newest checkpoint: nobody may have gone on with the job meanwhile, not even
 * to its end, since a finished job would start afresh and write everything twice. Else MILLRACE_HELD.
 */
export function confirmRestore(
  found: FoundRestore,
  jobId: string,
  latest: CheckpointManifest | undefined,
): CheckpointManifest | undefined {
  const chosen = chooseRestore(found.request, latest)
  const wentOn = found.request.mode.kind === 'latest' && latest?.position !== found.newest
  if (!wentOn && chosen?.position === found.checkpoint?.position) return chosen
  throw new MillraceError('MILLRACE_HELD', `another process went on with job "${jobId}" while this one was about to`, {
    hint: 'stop that process first, or give this run another --job-id',
  })
}

/** Whether the job has finished, but the process that saw to that was killed before its end: nobody knows yet. */
async function isUnreported(log: ManifestLog, { storage, jobId, predecessors }: RestorePlace): Promise<boolean> {
  const latest = log.latest()
  if (predecessors.length === 0 || latest === undefined || !isFinished(latest)) return false
  const holder = (await readEpochBelow(storage, log.newestPosition(), jobId))?.holder
  return predecessors.some(
    ({ host, bootId, pid, startTicks }) =>
      holder?.host === host && holder.bootId === bootId && holder.pid === pid && holder.startTicks === startTicks,
  )
}

function copy(
  from: CheckpointStorage,
  checkpoint: CheckpointManifest,
  place: RestorePlace,
): Promise<CheckpointManifest> {
  const { storage, jobId, identity } = place
  const { clock, randomId } = place.outside ?? OUTSIDE
  const nowMs = clock.now()
  const nonce = randomId()
  const runId = `${new Date(nowMs).toISOString().replace(/[-:]|\.\d+Z/g, '')}-${nonce.slice(0, 8)}`
  return importCheckpoint({ from, checkpoint, into: storage, jobId, holder: identity, nonce, runId, nowMs })
}
