/** A thread that simulates some of the seeds of `runtime simulate`: two threads are twice as fast. */
import { parentPort, workerData } from 'node:worker_threads'
import { serializeError } from '../../contract/errors.js'
import type { JobDefinition } from '../../contract/graph.js'
import { simulation } from './simulate.js'
import type { FromSimulator, SimulatorTask } from './simulator-task.js'

const { bundleUrl, options, firstSeed, seeds, step } = workerData as SimulatorTask
const tell = (message: FromSimulator): void => parentPort!.postMessage(message)
try {
  const { default: job } = (await import(bundleUrl)) as { default: JobDefinition }
  const simulated = await simulation(job, options)
  const { notes, reference } = simulated
  tell({ type: 'ready', notes, steps: reference.steps, records: reference.records })
  for (let seed = firstSeed; seed < firstSeed + seeds; seed++) {
    if ((seed - firstSeed) % step.of !== step.number) continue
    const result = await simulated.run(seed)
    tell({ type: 'seed', result: result.problems.length === 0 ? { ...result, lastEvents: [] } : result })
  }
} catch (error) {
  tell({ type: 'failed', error: serializeError(error) })
}
