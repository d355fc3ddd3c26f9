import type { JsonValue } from '../contract/json.js'
import type { RecordBatch } from './record-batch.js'

/** What travels in a channel beside records, in order with them. Times are epoch milliseconds. */
export type ControlElement =
  /** No record with an event time up to `time` follows, but late ones. ±Infinity are valid. */
  | { readonly kind: 'watermark'; readonly time: number }
  /** Records before it belong to the checkpoint, records behind it do not. `options` say what is asked of it. */
  | {
      readonly kind: 'barrier'
      readonly checkpointId: number
      readonly timestamp: number
      readonly options?: JsonValue
    }
  /** The channel holds no watermark back until it is active again. */
  | { readonly kind: 'idle' }
  | { readonly kind: 'active' }
  /** Nothing follows. */
  | { readonly kind: 'end' }

/** What a channel delivers; `kind` is `'records'` for a batch. */
export type Element = RecordBatch | ControlElement
