/*
 * A file of what was in flight to a subtask, in the order in which it is to be processed. Integers are little-endian, 32 bits.
 *
 *   "MRIF" version 0 0 | edge sender kind length | payload, padded to 16 | edge sender kind length | ...
 *
 * Kind and payload are those of a ring's frame, so the version stands for the formats of frames and values too.
 */
import { corrupt } from '../checkpoint/manifest-codec.js'
import { crc32 } from '../codec/crc32.js'
import { MillraceError } from '../contract/errors.js'
import { ControlWriter, decodeControl, FRAME_KIND } from '../exchange/control-codec.js'
import type { ControlElement } from '../exchange/element.js'
import { allocateFrameBytes } from '../exchange/frame-bytes.js'
import type { StoredFrame } from '../exchange/stored-frame.js'

const MAGIC = 0x4649524d
const VERSION = 1
const HEADER = 16

/** An element on its way to a subtask: through which of the file's edges, from which subtask. */
export interface InFlight {
  readonly edge: number
  readonly sender: number
  readonly element: StoredFrame | ControlElement
}

/** The bytes that an element takes in a file. */
export function inFlightBytes(element: StoredFrame | ControlElement): number {
  return HEADER + (element.kind === 'frame' ? padded(element.to - element.from) : HEADER)
}

/** The bytes of a file, and their CRC-32. */
export function encodeInFlight(all: readonly InFlight[]): { readonly bytes: Buffer; readonly crc: number } {
  const control = new ControlWriter()
  const bytes = Buffer.alloc(all.reduce((sum, { element }) => sum + inFlightBytes(element), HEADER))
  writeHeader(bytes, 0, MAGIC, VERSION, 0, 0)
  let at = HEADER
  for (const { edge, sender, element } of all) {
    let kind: number = FRAME_KIND.RECORDS
    let payload: Uint8Array
    if (element.kind === 'frame') payload = element.data.bytes.subarray(element.from, element.to)
    else {
      control.encode(element)
      kind = control.kind
      payload = control.bytes.subarray(0, control.length)
    }
    writeHeader(bytes, at, edge, sender, kind, payload.length)
    bytes.set(payload, at + HEADER)
    at += HEADER + padded(payload.length)
  }
  const file = bytes.subarray(0, at)
  return { bytes: file, crc: crc32(file, 0, file.length) }
}

/** The inverse. Altered bytes are MILLRACE_CORRUPT naming the path; a newer format is MILLRACE_RESTORE. */
export function decodeInFlight(
  bytes: Uint8Array,
  expected: { readonly path: string; readonly crc: number },
): InFlight[] {
  const { path, crc } = expected
  if (bytes.length < HEADER || crc32(bytes, 0, bytes.length) !== crc) throw corrupt(path)
  const data = allocateFrameBytes(bytes.length)
  data.bytes.set(bytes)
  if (data.bytes.readInt32LE(0) !== MAGIC) throw corrupt(path)
  const version = data.bytes.readInt32LE(4)
  if (version !== VERSION) {
    throw new MillraceError('MILLRACE_RESTORE', `${path} has format ${version}; this version reads ${VERSION}`, {
      hint: 'go on from it with the version that wrote it; a savepoint moves between versions',
    })
  }
  const all: InFlight[] = []
  for (let at = HEADER; at < bytes.length;) {
    const [edge, sender, kind, length] = [0, 4, 8, 12].map((word) => data.bytes.readInt32LE(at + word)) as Header
    const from = at + HEADER
    const to = from + length
    const element: InFlight['element'] =
      kind === FRAME_KIND.RECORDS ? { kind: 'frame', data, from, to } : decodeControl({ kind, data, from, to })
    all.push({ edge, sender, element })
    at = from + padded(length)
  }
  return all
}

type Header = [edge: number, sender: number, kind: number, length: number]

function writeHeader(bytes: Buffer, at: number, ...words: Header): void {
  for (let w = 0; w < words.length; w++) bytes.writeInt32LE(words[w]!, at + 4 * w)
}

function padded(length: number): number {
  return (length + HEADER - 1) & -HEADER
}
