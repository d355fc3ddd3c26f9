import type { Source } from '../../../runtime/contract/source.js'
import type { RedrivenLetter } from '../../api/error-policy.js'
import { RedriveEnumerator, type RedriveState } from './redrive-enumerator.js'
import { RedriveFolder } from './redrive-folder.js'
import { RedriveReader, type RedriveSplit } from './redrive-reader.js'

/**
 * What `runtime redrive` has laid out for an operator: each file once, with the records' own event times. `bounded`: what is there when
 * the job starts; else it looks again and again. A file is emptied once a checkpoint is complete that has all of it.
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
    createEnumerator: (ctx) => new RedriveEnumerator(new RedriveFolder(url, uid), bounded, ctx),
    createReader: () => {
      const folder = new RedriveFolder(url, uid)
      return { openSplit: ({ split }) => RedriveReader.open(folder, split) }
    },
  }
}
