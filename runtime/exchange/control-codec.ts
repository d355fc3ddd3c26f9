import { MillraceError } from '../contract/errors.js'
import type { JsonValue } from '../contract/json.js'
import type { ControlElement } from './element.js'
import type { Frame } from './ring-reader.js'

/** The kind of a frame in a ring. */
export const FRAME_KIND = { RECORDS: 1, WATERMARK: 2, BARRIER: 3, IDLE: 4, ACTIVE: 5, END: 6 } as const

/** A control element in bytes: the `kind` of its frame and `bytes[0, length)`. Reused by the next one. */
export class ControlWriter {
  kind = 0
  bytes: Buffer = Buffer.alloc(64)
  length = 0

  encode(element: ControlElement): void {
    this.length = 0
    switch (element.kind) {
      case 'watermark':
        this.kind = FRAME_KIND.WATERMARK
        this.length = this.bytes.writeDoubleLE(element.time, 0)
        return
      case 'barrier':
        this.kind = FRAME_KIND.BARRIER
        this.encodeBarrier(element.checkpointId, element.timestamp, element.options)
        return
      case 'idle':
        this.kind = FRAME_KIND.IDLE
        return
      case 'active':
        this.kind = FRAME_KIND.ACTIVE
        return
      case 'end':
        this.kind = FRAME_KIND.END
    }
  }

  private encodeBarrier(checkpointId: number, timestamp: number, options: JsonValue | undefined): void {
    const text = options === undefined ? '' : JSON.stringify(options)
    const length = 16 + Buffer.byteLength(text)
    if (length > this.bytes.length) this.bytes = Buffer.alloc(length)
    this.bytes.writeDoubleLE(checkpointId, 0)
    this.bytes.writeDoubleLE(timestamp, 8)
    this.bytes.write(text, 16)
    this.length = length
  }
}

/** The element of a frame that holds no records. Throws MILLRACE_INTERNAL for a kind that does not exist. */
export function decodeControl(frame: Frame): ControlElement {
  const { bytes } = frame.data
  switch (frame.kind) {
    case FRAME_KIND.WATERMARK:
      return { kind: 'watermark', time: bytes.readDoubleLE(frame.from) }
    case FRAME_KIND.BARRIER: {
      const checkpointId = bytes.readDoubleLE(frame.from)
      const timestamp = bytes.readDoubleLE(frame.from + 8)
      if (frame.to === frame.from + 16) return { kind: 'barrier', checkpointId, timestamp }
      const options = JSON.parse(bytes.toString('utf8', frame.from + 16, frame.to)) as JsonValue
      return { kind: 'barrier', checkpointId, timestamp, options }
    }
    case FRAME_KIND.IDLE:
      return { kind: 'idle' }
    case FRAME_KIND.ACTIVE:
      return { kind: 'active' }
    case FRAME_KIND.END:
      return { kind: 'end' }
    default:
      throw new MillraceError('MILLRACE_INTERNAL', `a channel is broken: no frame has kind ${frame.kind}`)
  }
}
