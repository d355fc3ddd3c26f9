import { type Duration, positiveDurationMs } from '../../api/duration.js'
import type { ReferenceData, ReferenceKey, ReferenceLoader, ReferenceOptions } from './reference.js'
import { SharedTable } from './shared-table.js'

const DEFAULT_REFRESH: Duration = '5m'

/** Reference data out of any loader. */
export function referenceData<K extends ReferenceKey, V>(
  loader: ReferenceLoader<K, V>,
  options: ReferenceOptions = {},
): ReferenceData<K, V> {
  const { refresh = DEFAULT_REFRESH } = options
  const refreshMs = refresh === 'never' ? undefined : positiveDurationMs(refresh, `refresh of ${loader.describe}`)
  const shared = new SharedTable(loader, refreshMs)
  return {
    describe: loader.describe,
    check: async (ctx) => {
      try {
        await loader.check(ctx)
      } finally {
        loader.close()
      }
    },
    open: (ctx) => shared.open(ctx),
  }
}
