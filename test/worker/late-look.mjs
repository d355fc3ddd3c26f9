// node late-look.mjs terminate|exit METHOD: looks at a thread in an endless loop. Once METHOD is sent to it, the main thread is held up
// until the look's time is over, or exits after the thread has had time to stop.
import { Session } from 'node:inspector'
import { setTimeout as pause } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { placeOfThread } from '../../dist/runtime/worker/thread-place.js'

const [ending, heldUpAt] = process.argv.slice(2)
const turns = new Int32Array(new SharedArrayBuffer(4))
const loop = 'const turns = require("node:worker_threads").workerData; for (;;) Atomics.add(turns, 0, 1)'
const worker = new Worker(loop, { eval: true, workerData: turns })
while (Atomics.load(turns, 0) === 0) await pause(10)

const { post } = Session.prototype
Session.prototype.post = function (method, params) {
  post.call(this, method, params)
  if (!params.message?.includes(`"${heldUpAt}"`)) return
  holdUp(ending === 'exit' ? 200 : 2200)
  if (ending === 'exit') process.exit(7)
}

const { at, uid } = await placeOfThread(worker.threadId)
console.log(at === undefined && uid === undefined ? 'nothing known' : `${uid} at ${at}`)
await pause(100)
const before = Atomics.load(turns, 0)
await pause(100)
console.log(Atomics.load(turns, 0) === before ? 'stands still' : 'runs on')
await worker.terminate()
console.log('terminated')
process.exit(7)

function holdUp(ms) {
  const start = performance.now()
  while (performance.now() - start < ms);
}
