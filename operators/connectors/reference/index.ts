export type {
  LoadedReference,
  ReferenceContext,
  ReferenceData,
  ReferenceKey,
  ReferenceLoader,
  ReferenceOptions,
  ReferenceTable,
} from './reference.js'
export { referenceData } from './reference-data.js'
export { withReference } from './with-reference.js'
