import { describe, expect, it } from 'vitest'
import type { ErrorCode } from '../../runtime/contract/errors.js'
import { RestartStrategy, type JobFailure } from '../../runtime/coordinator/restart-strategy.js'

const failure = (message: string, code: ErrorCode = 'MILLRACE_USER'): JobFailure => ({
  error: { code, message },
  uid: 'map',
  atMs: 0,
})

describe('RestartStrategy', () => {
  it('waits 50 ms, then twice as long each time', () => {
    const strategy = new RestartStrategy(10)
    const delays = ['a', 'b', 'c', 'd'].map((m) => strategy.failed(failure(m)))
    expect(delays.map((d) => (d.kind === 'restart' ? d.delayMs : -1))).toEqual([50, 100, 200, 400])
  })

  it('gives up at the third equal failure with no checkpoint between', () => {
    const strategy = new RestartStrategy(10)
    expect([1, 2, 3].map(() => strategy.failed(failure('a')).kind)).toEqual(['restart', 'restart', 'fail'])
  })

  it('takes failures that differ in file names only for equal', () => {
    const strategy = new RestartStrategy(10)
    const kinds = [1, 2, 3].map((n) => strategy.failed(failure(`cannot write /out/.part-a${n}: disk full`)).kind)
    expect(kinds).toEqual(['restart', 'restart', 'fail'])
  })

  it('counts anew after a checkpoint', () => {
    const strategy = new RestartStrategy(10)
    strategy.failed(failure('a'))
    strategy.failed(failure('a'))
    strategy.checkpointCompleted()
    expect(strategy.failed(failure('a'))).toEqual({ kind: 'restart', delayMs: 50 })
  })

  it('gives up after so many different failures without a checkpoint', () => {
    const strategy = new RestartStrategy(2)
    expect(['a', 'b', 'c'].map((m) => strategy.failed(failure(m)).kind)).toEqual(['restart', 'restart', 'fail'])
  })

  it('does not restart what no restart can mend', () => {
    expect(new RestartStrategy(10).failed(failure('x', 'MILLRACE_FENCED')).kind).toBe('fail')
    const { error } = failure('x', 'MILLRACE_OUTPUT')
    expect(new RestartStrategy(10).failed({ error: { ...error, final: true }, atMs: 0 }).kind).toBe('fail')
  })
})
