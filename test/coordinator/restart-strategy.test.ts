import { describe, expect, it } from 'vitest'
import type { ErrorCode } from '../../runtime/contract/errors.js'
import { DEFAULT_EXPONENTIAL, type ExponentialSettings } from '../../runtime/coordinator/exponential-restarts.js'
import type { JobFailure } from '../../runtime/coordinator/job-failure.js'
import { RestartStrategy, type RestartSettings } from '../../runtime/coordinator/restart-strategy.js'

const failure = (message: string, code: ErrorCode = 'MILLRACE_USER', atMs = 0): JobFailure => ({
  error: { code, message },
  uid: 'map',
  atMs,
})

const strategyOf = (settings: RestartSettings, random = 0.5): RestartStrategy =>
  new RestartStrategy(settings, () => random)

const exponential = (attempts: number, more: Partial<ExponentialSettings> = {}, random = 0.5): RestartStrategy =>
  strategyOf({ kind: 'exponential', ...DEFAULT_EXPONENTIAL, ...more, attempts }, random)

/** The delay of each restart; -1 where it fails for good. */
const delays = (strategy: RestartStrategy, failures: readonly JobFailure[]): number[] =>
  failures.map((one) => strategy.failed(one)).map((d) => (d.kind === 'restart' ? d.delayMs : -1))

const at = (...times: number[]): JobFailure[] => times.map((atMs, i) => failure(`failure ${i}`, undefined, atMs))

describe('RestartStrategy', () => {
  it('waits 50 ms, then twice as long each time', () => {
    const strategy = exponential(10)
    expect(delays(strategy, at(0, 0, 0, 0))).toEqual([50, 100, 200, 400])
  })

  it('gives up at the third equal failure with no checkpoint between', () => {
    const strategy = exponential(10)
    expect([1, 2, 3].map(() => strategy.failed(failure('a')).kind)).toEqual(['restart', 'restart', 'fail'])
  })

  it('takes failures that differ in file names only for equal', () => {
    const strategy = exponential(10)
    const kinds = [1, 2, 3].map((n) => strategy.failed(failure(`cannot write /out/.part-a${n}: disk full`)).kind)
    expect(kinds).toEqual(['restart', 'restart', 'fail'])
  })

  it('counts anew after a checkpoint', () => {
    const strategy = exponential(10)
    strategy.failed(failure('a'))
    strategy.failed(failure('a'))
    strategy.checkpointCompleted()
    expect(strategy.failed(failure('a'))).toEqual({ kind: 'restart', delayMs: 50 })
  })

  it('gives up after so many different failures without a checkpoint', () => {
    const strategy = exponential(2)
    expect(['a', 'b', 'c'].map((m) => strategy.failed(failure(m)).kind)).toEqual(['restart', 'restart', 'fail'])
  })

  it('does not restart what no restart can mend', () => {
    expect(exponential(10).failed(failure('x', 'MILLRACE_FENCED')).kind).toBe('fail')
    const { error } = failure('x', 'MILLRACE_OUTPUT')
    expect(exponential(10).failed({ error: { ...error, final: true }, atMs: 0 }).kind).toBe('fail')
  })

  it('exponential: has a first delay, a factor, a longest delay and jitter of its own', () => {
    const own = { delayMs: 100, backoff: 3, maxDelayMs: 500 }
    expect(delays(exponential(10, own), at(0, 0, 0, 0))).toEqual([100, 300, 500, 500])
    expect(delays(exponential(10, { ...own, jitter: 0.1 }, 0), at(0, 0))).toEqual([90, 270])
    expect(delays(exponential(10, { ...own, jitter: 0.1 }, 1), at(0, 0, 0))).toEqual([110, 330, 500])
  })

  it('exponential: begins anew after a long time without a failure, as after a checkpoint', () => {
    // It runs again from 50 and from 1_100 on: for 1_000 ms, and for 999.
    expect(delays(exponential(10, { resetThresholdMs: 1_000 }), at(0, 1_050, 2_099))).toEqual([50, 50, 100])
  })

  it('none: fails for good at the first failure', () => {
    expect(delays(strategyOf({ kind: 'none' }), at(0))).toEqual([-1])
  })

  it('fixed: restarts so many times in all, checkpoints or not', () => {
    const strategy = strategyOf({ kind: 'fixed', attempts: 3, delayMs: 70 })
    expect(delays(strategy, [failure('a'), failure('a'), failure('a')])).toEqual([70, 70, 70])
    strategy.checkpointCompleted()
    expect(delays(strategy, [failure('a')])).toEqual([-1])
  })

  it('failure-rate: fails for good at the failure that is one too many within the interval', () => {
    const settings = { kind: 'failure-rate', maxFailures: 2, intervalMs: 100, delayMs: 5 } as const
    expect(delays(strategyOf(settings), at(0, 60, 100, 159))).toEqual([5, 5, 5, -1])
  })

  it('of every kind does not restart what no restart can mend', () => {
    const fenced = failure('x', 'MILLRACE_FENCED')
    expect(delays(strategyOf({ kind: 'fixed', attempts: 9, delayMs: 1 }), [fenced])).toEqual([-1])
  })
})
