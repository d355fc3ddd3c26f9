/**
 * One stretch of memory seen as bytes, integers and doubles: a ring's data area, a scratch buffer, a reassembled frame.
 * `byteOffset` and `byteLength` are multiples of 8, so that an aligned place in it is aligned in every view.
 */
export class FrameBytes {
  readonly bytes: Buffer
  readonly i32: Int32Array
  readonly u16: Uint16Array
  readonly f64: Float64Array

  constructor(buffer: ArrayBufferLike, byteOffset: number, byteLength: number) {
    this.bytes = Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength)
    this.i32 = new Int32Array(buffer, byteOffset, byteLength >> 2)
    this.u16 = new Uint16Array(buffer, byteOffset, byteLength >> 1)
    this.f64 = new Float64Array(buffer, byteOffset, byteLength >> 3)
  }
}

/** Private memory of the thread, at least `minBytes` long. */
export function allocateFrameBytes(minBytes: number): FrameBytes {
  const byteLength = (minBytes + 7) & ~7
  return new FrameBytes(new ArrayBuffer(byteLength), 0, byteLength)
}
