export { datagen, type DatagenOptions, type DatagenSource } from './datagen.js'
export { datagenLines, type DatagenLinesOptions } from './datagen-lines.js'
export type { DatagenEnumeratorState, DatagenSplit } from './datagen-split.js'
