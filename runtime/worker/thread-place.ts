import { Session } from 'node:inspector'
import { findSourceMap } from 'node:module'
import { isOwnPlace, userFrame } from '../contract/user-frame.js'

/** How long the inspector may take: a thread that is in native code does not answer. */
const ANSWER_MS = 2000

/** Where a thread is: the operator it works for, and the user's line, `file:line:column`; what is not known is not there. */
export interface ThreadPlace {
  readonly uid?: string
  readonly at?: string
}

interface CallFrame {
  readonly callFrameId: string
  readonly functionName: string
  readonly location: { readonly scriptId: string; readonly lineNumber: number; readonly columnNumber?: number }
}

interface Answer {
  readonly id?: number
  readonly method?: string
  readonly params: { readonly callFrames: CallFrame[]; readonly scriptId: string; readonly url: string }
  readonly result?: unknown
}

/** Operators, and what calls them, have their uid in `this` or around them. */
const UID = "typeof uid === 'string' ? uid : typeof this?.uid === 'string' ? this.uid : ''"

/** Looks whose threads have not said yet that they run on. */
// eslint-disable-next-line no-restricted-syntax -- of the process, whose main thread alone looks
const underWay = new Set<Look>()

// The process's end waits for its threads, and a stopped one does not end.
process.on('exit', () => underWay.forEach((look) => look.letGo()))

/**
 * Stops a thread for a moment, whatever it does, and looks where it is: V8's inspector interrupts even an endless loop. Costs the thread
 * nothing before. Main thread; resolves with what could be found out in time, never rejects. The thread runs on, or has been told to.
 */
export async function placeOfThread(threadId: number): Promise<ThreadPlace> {
  const look = new Look(threadId)
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<ThreadPlace>((resolve) => {
    timer = setTimeout(() => resolve({}), ANSWER_MS)
  })
  try {
    return await Promise.race([look.place(), late])
  } catch {
    return {}
  } finally {
    clearTimeout(timer)
    look.letGo()
  }
}

/**
 * The inspector's conversation with one thread. Invariant: its session stays until the thread runs on or has ended, for one that is left
 * in its pause waits for ever, and so does whoever ends it.
 */
class Look {
  private readonly session = new Session()
  private readonly scripts = new Map<string, string>()
  private readonly answers = new Map<number, (result: unknown) => void>()
  private readonly paused: Promise<readonly CallFrame[]>
  /** The thread's, `undefined`: there is none, or no more. */
  private target: string | undefined
  private over = false
  private calls = 0

  constructor(threadId: number) {
    const { session } = this
    this.paused = new Promise((resolve) => {
      session.on('NodeWorker.receivedMessageFromWorker', ({ params }) => {
        if (params.sessionId === this.target) this.receive(JSON.parse(params.message) as Answer, resolve)
      })
    })
    session.on('NodeWorker.attachedToWorker', ({ params }) => {
      // Its `workerId` is a number of the session's own.
      if (params.workerInfo.title.startsWith(`[worker ${threadId}]`)) this.target = params.sessionId
    })
    session.on('NodeWorker.detachedFromWorker', ({ params }) => {
      if (params.sessionId === this.target) this.end()
    })
    session.connect()
    underWay.add(this)
    // Tells of the threads that there are before it returns.
    session.post('NodeWorker.enable', { waitForDebuggerOnStart: false })
  }

  async place(): Promise<ThreadPlace> {
    if (this.target === undefined) return {}
    await this.call('Debugger.enable')
    // A thread that was in native code until now goes on.
    if (this.over) return {}
    await this.call('Debugger.pause')
    const frames = await this.paused
    const at = userFrame(frames.map((frame) => `    at ${this.placeOf(frame)}`).join('\n'))
    const uid = await this.uidOf(frames)
    return { ...(uid === undefined ? {} : { uid }), ...(at === undefined ? {} : { at }) }
  }

  /** Has the thread run on, from a pause that is still to come too; the thread need not answer for that. */
  letGo(): void {
    if (this.over) return
    this.over = true
    if (this.target === undefined) this.end()
    else void this.call('Debugger.disable').then(() => this.end())
  }

  private end(): void {
    this.over = true
    this.target = undefined
    underWay.delete(this)
    this.session.disconnect()
  }

  private receive({ id, method, params, result }: Answer, paused: (frames: readonly CallFrame[]) => void): void {
    if (id !== undefined) this.answers.get(id)?.(result)
    else if (method === 'Debugger.scriptParsed') this.scripts.set(params.scriptId, params.url)
    else if (method === 'Debugger.paused') paused(params.callFrames)
  }

  private async uidOf(frames: readonly CallFrame[]): Promise<string | undefined> {
    for (const frame of frames) {
      if (!isOwnPlace(this.placeOf(frame))) continue
      const { result } = (await this.call('Debugger.evaluateOnCallFrame', {
        callFrameId: frame.callFrameId,
        expression: UID,
        returnByValue: true,
        silent: true,
      })) as { result: { value?: unknown } }
      if (typeof result.value === 'string' && result.value !== '') return result.value
    }
    return undefined
  }

  /** As it was written, where the main thread has the source map. */
  private placeOf({ location: { scriptId, lineNumber, columnNumber = 0 } }: CallFrame): string {
    const url = this.scripts.get(scriptId) ?? ''
    const entry = findSourceMap(url)?.findEntry(lineNumber, columnNumber)
    if (entry === undefined || !('originalSource' in entry)) return `${url}:${lineNumber + 1}:${columnNumber + 1}`
    return `${entry.originalSource}:${entry.originalLine + 1}:${entry.originalColumn + 1}`
  }

  private call(method: string, params: object = {}): Promise<unknown> {
    const id = ++this.calls
    const answered = new Promise((resolve) => this.answers.set(id, resolve))
    this.session.post('NodeWorker.sendMessageToWorker', {
      sessionId: this.target!,
      message: JSON.stringify({ id, method, params }),
    })
    return answered
  }
}
