import type { SlotMemory } from '../worker/protocol.js'

const MB = 1024 * 1024

/** One setting, `--memory`, shared out: rings, state cache, LevelDB, young generation. All in bytes. */
export interface MemoryPlan {
  readonly slot: SlotMemory
  readonly youngGenerationMb: number
  readonly oldGenerationMb: number
}

/**
 * Shares `memoryBytes` out over `slots` threads and `rings` channels: an eighth to rings (64 KiB to 1 MiB each), a half to the state
 * cache, a sixteenth to LevelDB, the rest is the engine's own. The heap limit is a safety net well above the budget, for what user code
 * keeps itself. Pure.
 */
export function planMemory(memoryBytes: number, slots: number, rings: number): MemoryPlan {
  const perSlot = memoryBytes / slots
  return {
    slot: {
      ringBytes: powerOfTwo(clamp(memoryBytes / 8 / Math.max(1, rings), 64 * 1024, MB)),
      cacheBytes: Math.floor(perSlot / 2),
      levelDbBytes: Math.max(2 * MB, Math.floor(perSlot / 16)),
    },
    youngGenerationMb: Math.round(clamp(perSlot / MB / 8, 16, 64)),
    oldGenerationMb: Math.round(Math.max(256, (perSlot / MB) * 3)),
  }
}

function clamp(value: number, low: number, high: number): number {
  return Math.min(high, Math.max(low, value))
}

function powerOfTwo(value: number): number {
  return 2 ** Math.floor(Math.log2(value))
}
