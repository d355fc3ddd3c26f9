export {
  type LoadedReference,
  type ReferenceContext,
  type ReferenceData,
  referenceData,
  type ReferenceKey,
  type ReferenceLoader,
  type ReferenceOptions,
  type ReferenceTable,
} from './reference-data.js'
export { withReference } from './with-reference.js'
