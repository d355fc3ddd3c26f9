import { placeOf } from './availability.js'
import { type Emulator, launch } from './emulator.js'

/**
 * Starts ferrokinesis: Kinesis with SubscribeToShard as the real one ends it, fast. `enforceLimits` throttles as the real one does.
 * About 0.1 s. Rejects where its binary is missing (`available('ferrokinesis')`).
 */
export async function startFerrokinesis(options: { readonly enforceLimits?: boolean } = {}): Promise<Emulator> {
  const command = placeOf('ferrokinesis')
  const limits = options.enforceLimits === true ? ['--enforce-limits', 'true'] : []
  return launch((port) => ({
    name: 'ferrokinesis',
    command,
    args: ['--port', String(port), '--shard-limit', '500', ...limits],
  }))
}
