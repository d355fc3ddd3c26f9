import { userFrame } from '../../runtime/contract/user-frame.js'

/**
 * Where the user called the API. Made for each call while a graph is built; the stack is only turned into text (and through source
 * maps) when a place is asked for.
 */
export class CallSite {
  private readonly trace = new Error('call site')

  /** `file:line:column` in user code; undefined if the stack does not reach there. */
  get at(): string | undefined {
    return userFrame(this.trace.stack)
  }
}
