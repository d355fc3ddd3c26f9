/* Two threads for the model check: the production ring and parking, driven as a slot drives them. */
import { AtomicsParker, AtomicsWaker } from '../../runtime/exchange/atomics-parking.js'
import { type Parker, parkUnless } from '../../runtime/exchange/parking.js'
import { RingReader } from '../../runtime/exchange/ring-reader.js'
import { RingWriter } from '../../runtime/exchange/ring-writer.js'
import { explore, type Program } from './explorer.js'
import { ModelMemory, newShared, SUSPENDED } from './model-memory.js'

const ATTEMPT = 3

/** Faults that the checker must find. */
export interface Faults {
  readonly parksWithoutLooking?: boolean
  readonly publishesEarly?: boolean
  readonly makeWriter?: typeof RingWriter
}

/** Payloads in more parts make operations so long that equal states must be merged. */
const EXACT_BYTES = 40

interface Side {
  at: 'work' | 'park' | 'awake' | 'release' | 'done'
  /** Frames written or read. */
  frames: number
  readonly parker: Parker
}

type WriterSide = Side & { readonly ring: RingWriter }
type ReaderSide = Side & { readonly ring: RingReader }

/** Explores all interleavings of writing and reading frames with these payload lengths, multiples of 4. */
export function exploreRing(
  lengths: readonly number[],
  start: number,
  faults: Faults = {},
): { states: number; ends: number } {
  const shared = newShared(start, ATTEMPT)
  const memories = [new ModelMemory(0), new ModelMemory(1)] as const
  const locals = memories.map((memory, slot) => {
    // The constructors load control words; nothing runs beside them.
    const ring = withoutSteps(memory, shared, () =>
      slot === 0
        ? new (faults.makeWriter ?? RingWriter)(memory, ATTEMPT, new AtomicsWaker(memory.parking), 1)
        : new RingReader(memory, ATTEMPT, new AtomicsWaker(memory.parking), 0),
    )
    return {
      at: lengths.length === 0 ? 'done' : 'work',
      frames: 0,
      parker: new AtomicsParker(memory.parking, slot),
      ring,
    }
  })
  memories[0].publishesEarly = faults.publishesEarly ?? false
  const looks = faults.parksWithoutLooking !== true
  const writer: Program<WriterSide> = {
    locals: locals[0] as WriterSide,
    memory: memories[0],
    next: (side) => writerNext(side, memories[0], lengths, looks),
    isDone: (side) => side.at === 'done',
  }
  const reader: Program<ReaderSide> = {
    locals: locals[1] as ReaderSide,
    memory: memories[1],
    next: (side) => readerNext(side, memories[1], lengths, looks),
    isDone: (side) => side.at === 'done',
  }
  return explore(
    shared,
    [writer as unknown as Program<never>, reader as unknown as Program<never>],
    Math.max(...lengths) > EXACT_BYTES,
  )
}

function withoutSteps<T>(memory: ModelMemory, shared: ReturnType<typeof newShared>, make: () => T): T {
  const log: number[] = []
  for (;;) {
    memory.begin(shared, log)
    try {
      return make()
    } catch (error) {
      if (error !== SUSPENDED) throw error
    }
  }
}

function writerNext(side: WriterSide, memory: ModelMemory, lengths: readonly number[], looks: boolean): void {
  if (side.at === 'work') {
    const payload = payloadOf(side.frames, lengths[side.frames]!)
    if (!side.ring.tryWrite(side.frames % 7, payload, 0, payload.length)) side.at = 'park'
    else if (++side.frames === lengths.length) side.at = 'done'
  } else sleep(side, memory, () => looks && side.ring.hasRoom())
}

function readerNext(side: ReaderSide, memory: ModelMemory, lengths: readonly number[], looks: boolean): void {
  if (side.at === 'work') {
    const frame = side.ring.poll()
    side.at = frame === undefined ? 'park' : 'release'
    if (frame === undefined) return
    const expected = payloadOf(side.frames, lengths[side.frames]!)
    if (frame.kind !== side.frames % 7 || frame.to - frame.from !== expected.length) throw new Error('the wrong frame')
    for (let i = 0; i < expected.length; i += 4) {
      const at = frame.from + i
      const word = frame.data === memory.data ? memory.getInt(at) : frame.data.bytes.readInt32LE(at)
      if (word !== expected.readInt32LE(i)) throw new Error(`frame ${side.frames} is torn`)
    }
  } else if (side.at === 'release') {
    side.ring.release()
    side.at = ++side.frames === lengths.length ? 'done' : 'work'
  } else sleep(side, memory, () => looks && side.ring.hasNext())
}

/** `AtomicsParker.park` ends by `cancel` after a sleep; here that is an operation of its own, made once the slot is woken. */
function sleep(side: Side, memory: ModelMemory, hasWork: () => boolean): void {
  if (side.at === 'awake') {
    side.parker.cancel()
    side.at = 'work'
    return
  }
  parkUnless(side.parker, hasWork, Infinity).catch(() => {})
  side.at = memory.slept ? 'awake' : 'work'
}

function payloadOf(frame: number, length: number): Buffer {
  const payload = Buffer.alloc(length)
  for (let i = 0; i < length; i += 4) payload.writeInt32LE(((frame + 1) << 16) | i, i)
  return payload
}
