import { aggregator, type AccumulatorSchema, type MergeableAggregator } from 'millrace'
import { addNumber, emptySum, mergeSums, wholeMean, type DecimalSum } from './decimal-sum.js'

/** The exact mean of a number of each record, its fraction cut off. `meanOf` would be off in the last digits. */
export function exactMean<T>(
  numberOf: (value: T) => string,
): MergeableAggregator<T, DecimalSum, bigint> & AccumulatorSchema {
  return aggregator({
    name: 'exactMean',
    create: emptySum,
    add(sum, value: T) {
      addNumber(sum, numberOf(value))
      return sum
    },
    merge(a, b) {
      mergeSums(a, b)
      return a
    },
    result: wholeMean,
  })
}
