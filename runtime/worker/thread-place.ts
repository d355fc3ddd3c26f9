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

interface Target {
  readonly sessionId: string
  readonly workerInfo: { readonly title: string }
}

/** Operators, and what calls them, have their uid in `this` or around them. */
const UID = "typeof uid === 'string' ? uid : typeof this?.uid === 'string' ? this.uid : ''"

/**
 * Stops a thread for a moment, whatever it does, and looks where it is: V8's inspector interrupts even an endless loop. Costs the thread
 * nothing before. Main thread; resolves with what could be found out, never rejects.
 */
export async function placeOfThread(threadId: number): Promise<ThreadPlace> {
  const session = new Session()
  let stopWaiting = (): void => {}
  try {
    session.connect()
    const found = new Promise<ThreadPlace>((resolve) => {
      const timer = setTimeout(() => resolve({}), ANSWER_MS)
      stopWaiting = () => clearTimeout(timer)
      session.on('NodeWorker.attachedToWorker', ({ params }) => {
        // Its `workerId` is a number of the session's own.
        if (!params.workerInfo.title.startsWith(`[worker ${threadId}]`)) return
        void new PausedThread(session, params).look().then(resolve, () => resolve({}))
      })
    })
    session.post('NodeWorker.enable', { waitForDebuggerOnStart: false })
    return await found
  } catch {
    return {}
  } finally {
    stopWaiting()
    session.disconnect()
  }
}

/** The inspector's conversation with one thread. */
class PausedThread {
  private readonly session: Session
  private readonly target: Target
  private readonly scripts = new Map<string, string>()
  private readonly answers = new Map<number, (result: unknown) => void>()
  private readonly paused: Promise<readonly CallFrame[]>
  private calls = 0

  constructor(session: Session, target: Target) {
    this.session = session
    this.target = target
    this.paused = new Promise((resolve) => {
      session.on('NodeWorker.receivedMessageFromWorker', ({ params }) => {
        if (params.sessionId !== target.sessionId) return
        const {
          id,
          method,
          params: of,
          result,
        } = JSON.parse(params.message) as {
          id?: number
          method?: string
          params: { callFrames: CallFrame[]; scriptId: string; url: string }
          result?: unknown
        }
        if (id !== undefined) this.answers.get(id)?.(result)
        else if (method === 'Debugger.scriptParsed') this.scripts.set(of.scriptId, of.url)
        else if (method === 'Debugger.paused') resolve(of.callFrames)
      })
    })
  }

  async look(): Promise<ThreadPlace> {
    await this.call('Debugger.enable')
    await this.call('Debugger.pause')
    const frames = await this.paused
    try {
      const at = userFrame(frames.map((frame) => `    at ${this.placeOf(frame)}`).join('\n'))
      const uid = await this.uidOf(frames)
      return { ...(uid === undefined ? {} : { uid }), ...(at === undefined ? {} : { at }) }
    } finally {
      await this.call('Debugger.disable')
    }
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
      sessionId: this.target.sessionId,
      message: JSON.stringify({ id, method, params }),
    })
    return answered
  }
}
