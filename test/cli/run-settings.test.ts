import { describe, expect, it } from 'vitest'
import { resolveOptions, type GivenFlags } from '../../config/resolve-options.js'
import { checkpointRules } from '../../runtime/cli/checkpoint-settings.js'
import { restartSettings } from '../../runtime/cli/restart-settings.js'
import type { JobDefinition } from '../../runtime/contract/graph.js'
import type { RestartSettings } from '../../runtime/coordinator/restart-strategy.js'

const restarts = (flags: Readonly<Record<string, string>>, environment = {}): RestartSettings =>
  restartSettings(resolveOptions(given(flags), environment))

const given = (flags: Readonly<Record<string, string>>): GivenFlags =>
  Object.fromEntries(Object.entries(flags).map(([key, value]) => [key, [value]]))

describe('restart options', () => {
  it('are an exponential delay from 50 ms by default', () => {
    expect(restarts({})).toEqual({
      kind: 'exponential',
      attempts: 10,
      delayMs: 50,
      maxDelayMs: 30_000,
      backoff: 2,
      jitter: 0,
      resetThresholdMs: 3_600_000,
    })
  })

  it('choose one of four strategies, each with options of its own', () => {
    expect(restarts({ 'restart-backoff': '1.5', 'restart-jitter': '0.1', 'restart-max-delay': '1m' })).toMatchObject({
      kind: 'exponential',
      backoff: 1.5,
      jitter: 0.1,
      maxDelayMs: 60_000,
    })
    const fixed = { 'restart-strategy': 'fixed' }
    expect(restarts(fixed)).toEqual({ kind: 'fixed', attempts: 10, delayMs: 1_000 })
    expect(restarts({ ...fixed, 'restart-attempts': '3', 'restart-delay': '5s' })).toEqual({
      kind: 'fixed',
      attempts: 3,
      delayMs: 5_000,
    })
    const rate = { 'restart-strategy': 'failure-rate', 'restart-max-failures': '4', 'restart-failure-interval': '5m' }
    expect(restarts(rate)).toEqual({ kind: 'failure-rate', maxFailures: 4, intervalMs: 300_000, delayMs: 1_000 })
    expect(restarts({ 'restart-strategy': 'none' })).toEqual({ kind: 'none' })
  })

  it.each([
    [{ 'restart-strategy': 'none', 'restart-attempts': '3' }, '--restart-attempts'],
    [{ 'restart-strategy': 'fixed', 'restart-backoff': '3' }, '--restart-backoff'],
    [{ 'restart-strategy': 'failure-rate', 'restart-attempts': '3' }, '--restart-attempts'],
    [{ 'restart-max-failures': '3' }, '--restart-max-failures'],
    [{ 'restart-delay': '1m' }, '--restart-delay'],
  ])('%o are refused: nothing that is given is ignored', (flags, named) => {
    expect(() => restarts(flags)).toThrow(
      expect.objectContaining({ code: 'MILLRACE_USAGE', message: expect.stringContaining(named) as string }) as Error,
    )
  })

  it('are refused by the name that they were given under', () => {
    expect(() => restarts({ 'restart-strategy': 'none' }, { MILLRACE_RESTART_DELAY: '3s' })).toThrow(
      'MILLRACE_RESTART_DELAY is given, but --restart-strategy none has no use for it',
    )
  })
})

describe('checkpoint options', () => {
  const rulesOf = (flags: Readonly<Record<string, string>>, job: Partial<JobDefinition> = {}) =>
    checkpointRules(resolveOptions(given(flags), {}), job as JobDefinition)

  it("have Flink's defaults; the interval is the job's own unless it is given", () => {
    expect(rulesOf({})).toEqual({
      intervalMs: 10_000,
      timeoutMs: 600_000,
      alignmentTimeoutMs: 30_000,
      minPauseMs: 0,
      maxConcurrent: 1,
      toleratedFailures: 0,
    })
    expect(rulesOf({}, { checkpointIntervalMs: 5 }).intervalMs).toBe(5)
    expect(rulesOf({ 'checkpoint-interval': '1s' }, { checkpointIntervalMs: 5 }).intervalMs).toBe(1_000)
  })

  it('refuse a pause between checkpoints that run at the same time', () => {
    const both = { 'min-pause-between-checkpoints': '1s', 'max-concurrent-checkpoints': '2' }
    expect(() => rulesOf(both)).toThrow('contradict each other')
  })
})
