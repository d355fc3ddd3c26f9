/** What is left on the disk when all is over: the last checkpoint, and nothing that no manifest names. */
import { checkpointFiles } from '../../checkpoint/checkpoint-files.js'
import { decodeEntry } from '../../checkpoint/manifest-codec.js'
import { ManifestLog } from '../../checkpoint/manifest-log.js'
import type { CheckpointManifest } from '../../checkpoint/manifest.js'
import type { CheckpointStorage } from '../../storage/storage.js'
import type { SimDisk } from './sim-disk.js'

type Violate = (what: string) => void

/** Clears away as the next run of the job would. The last checkpoint of the finished one. */
export async function sweep(
  storage: CheckpointStorage,
  nowMs: number,
  violate: Violate,
): Promise<CheckpointManifest | undefined> {
  const log = await ManifestLog.open(storage, { jobId: 'simulated', retained: 1 })
  const last = log.latest()
  if (last === undefined) return undefined
  const holder = { host: 'sweeper', bootId: null, pid: 0, startTicks: null }
  await log.takeover({ nonce: 'sweep', runId: last.runId, holder, createdAtMs: nowMs, choose: (latest) => latest })
  const { format: _format, kind: _kind, position: _position, epoch: _epoch, jobId: _jobId, ...draft } = last
  await log.append({ ...draft, nonce: 'swept' })
  const { problems } = await log.retire()
  for (const problem of problems) violate(`clearing away fails: ${problem.message}`)
  return last
}

/** Storage holds exactly what the last manifest names, and each completed savepoint what its own does. */
export function findLeaks(disk: SimDisk, savepoints: readonly string[], violate: Violate): void {
  exactlyNamed(disk, '', violate)
  for (const folder of savepoints) {
    if (!disk.files.has(`${folder}/manifests/000000000001.json`)) violate(`missing: the manifest of ${folder}`)
    exactlyNamed(disk, `${folder}/`, violate)
  }
}

function exactlyNamed(disk: SimDisk, root: string, violate: Violate): void {
  const named = new Set<string>()
  for (const [path, bytes] of disk.files) {
    if (!path.startsWith(`${root}manifests/`)) continue
    const entry = decodeEntry(bytes, path)
    if (entry.kind === 'epoch') continue
    for (const { path: file } of checkpointFiles(entry)) named.add(root + file)
  }
  for (const path of disk.files.keys()) {
    if (path.startsWith(`${root}segments/`) && !named.has(path)) violate(`leaked: no manifest refers to ${path}`)
  }
  for (const path of named) if (!disk.files.has(path)) violate(`missing: ${path} of the last manifest`)
}
