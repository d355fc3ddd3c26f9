import type { ProcessContext } from '../../process/process-context.js'
import type { ProcessFunction } from '../../process/process.js'
import type { ReferenceData, ReferenceTable } from './reference.js'

/**
 * A function for `process()` that looks up what a record needs: the data is checked before the job runs, loaded before the first record
 * and refreshed behind.
 *
 *     items.process(withReference(products, (item, products, ctx) => ctx.emit({ ...item, product: products.get(item.productId) })))
 */
export function withReference<In, Out, K, V>(
  reference: ReferenceData<K, V>,
  onElement: (value: In, table: ReferenceTable<K, V>, ctx: ProcessContext<Out>) => void,
): ProcessFunction<In, Out> {
  // Where several subtasks share this function they share the thread, and with it what the tables show.
  const tables: ReferenceTable<K, V>[] = []
  return {
    check: (ctx) => reference.check(ctx),
    open: async (ctx) => {
      tables.push(await reference.open(ctx))
    },
    onElement: (value, ctx) => onElement(value, tables[0]!, ctx),
    close: () => tables.pop()?.close(),
  }
}
