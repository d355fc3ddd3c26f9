import type { Source } from '../../../runtime/contract/source.js'
import type { RedrivenLetter } from '../../api/error-policy.js'
import { RedriveEnumerator, type RedriveState } from './redrive-enumerator.js'
import { RedriveFolder } from './redrive-folder.js'
import { RedriveReader, type RedriveSplit } from './redrive-reader.js'

/**
 * What `runtime redrive` has laid out for an operator: each file once, with the records' own event times. `bounded`: what is there when
 * the job starts; else it looks again and again. What was read is in the job's checkpoints: after a restore it is what that one says.
 */
export function redriveSource(
  url: string,
  uid: string,
  bounded: boolean,
): Source<RedrivenLetter, RedriveSplit, RedriveState> {
  return {
    name: 'redrive',
    bounded,
    successors: true,
    // Where dead letters are kept is no part of what the job reads.
    describe: `redrive:${uid}`,
    createEnumerator: (ctx) => new RedriveEnumerator(new RedriveFolder(url, ctx.jobId, uid), bounded, ctx),
    createReader: () => ({
      openSplit: ({ split }) => RedriveReader.open(new RedriveFolder(url, split.job, uid), split),
    }),
  }
}
