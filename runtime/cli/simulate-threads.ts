import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import { deserializeError } from '../contract/errors.js'
import type { FromSimulator, SimulatorTask } from '../testing/simulator/simulator-task.js'

/** Hears of seeds as they are done. */
export interface SimulateListener {
  ready(info: FromSimulator & { type: 'ready' }): void
  seed(result: (FromSimulator & { type: 'seed' })['result']): void
}

/** Simulates seeds on several threads. Rejects with what keeps a job from being simulated at all. `stop` ends it early. */
export async function simulateOnThreads(
  task: Omit<SimulatorTask, 'step'>,
  threads: number,
  listener: SimulateListener,
  stop: AbortSignal,
): Promise<void> {
  const entry = fileURLToPath(new URL('../testing/simulator/simulate-entry.js', import.meta.url))
  const runs = Array.from({ length: threads }, (_, number) =>
    runThread(entry, { ...task, step: { number, of: threads } }, listener, stop),
  )
  await Promise.all(runs)
}

function runThread(entry: string, task: SimulatorTask, listener: SimulateListener, stop: AbortSignal): Promise<void> {
  const worker = new Worker(entry, { workerData: task, execArgv: ['--enable-source-maps', '--no-warnings'] })
  return new Promise<void>((resolve, reject) => {
    stop.addEventListener('abort', () => void worker.terminate().then(() => resolve()), { once: true })
    worker.on('message', (message: FromSimulator) => {
      if (stop.aborted) return
      if (message.type === 'ready') listener.ready(message)
      else if (message.type === 'seed') listener.seed(message.result)
      else reject(deserializeError(message.error))
    })
    worker.on('error', reject)
    worker.on('exit', () => resolve())
  })
}
