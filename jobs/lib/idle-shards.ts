import type { Source, Watermarks } from 'millrace'

/**
 * Shards of a stream may be empty for hours: those without records for so long are not waited for. Files and generators are: each of
 * their records is there, only not read yet.
 */
export function withIdleShards<T>(
  watermarks: Watermarks<T>,
  source: Pick<Source<never>, 'bounded'>,
  idleAfter: number,
): Watermarks<T> {
  return source.bounded ? watermarks : watermarks.withIdleness(idleAfter)
}
