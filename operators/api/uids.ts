import { MillraceError } from '../../runtime/contract/errors.js'
import { atOf } from '../process/user-function.js'
import type { CallSite } from './call-site.js'
import type { Transformation } from './transformation.js'

/** Uids are parts of file names and metric names. */
const UID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/

/** MILLRACE_GRAPH for a text that cannot be a uid. */
export function requireUid(uid: unknown, what: string, site: CallSite): void {
  if (typeof uid === 'string' && UID.test(uid)) return
  const shown =
    uid === undefined || uid === '' ? `${what} has no uid` : `${JSON.stringify(uid)} cannot be the uid of ${what}`
  throw new MillraceError('MILLRACE_GRAPH', shown, {
    hint: 'give it a uid of letters, digits, ".", "_" and "-", at most 100, beginning with a letter or digit',
    ...atOf(site),
  })
}

/** A uid for each transformation: the user's, or for what has no state one like `map-3`. MILLRACE_GRAPH if one is missing or not unique. */
export function assignUids(transformations: readonly Transformation[]): string[] {
  const owners = new Map<string, Transformation>()
  for (const transformation of transformations) {
    const { uid } = transformation
    if (uid === undefined) {
      if (needsUid(transformation)) throw missingUid(transformation)
      continue
    }
    const other = owners.get(uid)
    if (other !== undefined) throw duplicateUid(uid, other, transformation)
    owners.set(uid, transformation)
  }
  return transformations.map(({ uid, what, id }) => {
    if (uid !== undefined) return uid
    let generated = `${what.replaceAll(' ', '-')}-${id}`
    while (owners.has(generated)) generated += '-'
    return generated
  })
}

function needsUid({ work }: Transformation): boolean {
  return work.kind !== 'operator' || work.keyed || (work.operatorStates?.length ?? 0) > 0
}

function missingUid({ what, name, site }: Transformation): MillraceError {
  const named = name === what ? '' : ` "${name}"`
  return new MillraceError('MILLRACE_GRAPH', `the ${what}${named} has no uid, so its state could not be found again`, {
    hint: "put .uid('...') behind it, and keep that uid as long as the job lives",
    ...atOf(site),
  })
}

function duplicateUid(uid: string, first: Transformation, second: Transformation): MillraceError {
  const place = first.site.at
  const where = place === undefined ? '' : ` at ${place}`
  return new MillraceError(
    'MILLRACE_GRAPH',
    `uid "${uid}" of the ${second.what} is also that of the ${first.what}${where}`,
    {
      hint: 'uids are unique in a job',
      ...atOf(second.site),
    },
  )
}
