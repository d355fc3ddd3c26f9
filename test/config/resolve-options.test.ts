import { describe, expect, it } from 'vitest'
import { environmentName, OPTIONS, type OptionName } from '../../config/options.js'
import { resolveOptions } from '../../config/resolve-options.js'
import { tempFolder } from '../cli/temp-folder.js'

function configFile(content: unknown): string {
  return `${tempFolder({ 'conf.json': typeof content === 'string' ? content : JSON.stringify(content) })}/conf.json`
}

function refusal(act: () => unknown): { code: string; message: string; hint: string } {
  try {
    act()
  } catch (error) {
    return error as { code: string; message: string; hint: string }
  }
  throw new Error('it was not refused')
}

describe('the one rule', () => {
  it('the command line wins over the environment, that over the file, that over the default', () => {
    const config = configFile({ parallelism: 2, memory: '64MB', checkpointInterval: '2s', restartAttempts: 1 })
    const { values, origins } = resolveOptions(
      { config: [config], parallelism: ['4'] },
      { MILLRACE_PARALLELISM: '3', MILLRACE_MEMORY: '128MB', MILLRACE_STOP_TIMEOUT: '' },
    )
    expect(values).toMatchObject({
      parallelism: 4,
      memoryBytes: 128 * 2 ** 20,
      checkpointIntervalMs: 2000,
      restartAttempts: 1,
    })
    expect(values).toMatchObject({
      stopTimeoutMs: 25_000,
      maxParallelism: 128,
      restore: 'latest',
      json: false,
      jobId: undefined,
    })
    expect(origins).toEqual({
      config: '--config',
      parallelism: '--parallelism',
      memoryBytes: 'MILLRACE_MEMORY',
      checkpointIntervalMs: `"checkpointInterval" in ${config}`,
      restartAttempts: `"restartAttempts" in ${config}`,
    })
  })

  it('parameters go by it one by one, and a value may hold anything, "=" too', () => {
    const config = configFile({ params: { a: 'file', b: 'file', c: 1, d: true } })
    const { values } = resolveOptions(
      { param: ['a=flag', 'e=x=y', '__proto__=own', 'f='] },
      { MILLRACE_CONFIG: config, MILLRACE_PARAM: 'a=environment\n  b=environment\n' },
    )
    expect(Object.entries(values.params).sort()).toEqual(
      [
        ['a', 'flag'],
        ['b', 'environment'],
        ['c', '1'],
        ['d', 'true'],
        ['e', 'x=y'],
        ['__proto__', 'own'],
        ['f', ''],
      ].sort(),
    )
  })

  it('of an option given twice the last counts', () => {
    expect(resolveOptions({ 'job-id': ['a', 'b'] }, {}).values.jobId).toBe('b')
  })

  it('every option can be given in the environment', () => {
    const samples: Partial<Record<OptionName, string>> = {
      config: configFile({}),
      params: 'a=b',
      restore: 'none',
      claimMode: 'claim',
      logLevel: 'warn',
      logFormat: 'json',
      metrics: 'cloudwatch',
      metricsLevel: 'task',
      cleanupCheckpoints: 'ended',
      restartStrategy: 'fixed',
      alignmentTimeoutMs: 'none',
      restartJitter: '0.3',
      jobId: 'x',
      checkpointDir: 's3://b/p',
    }
    for (const name of Object.keys(OPTIONS) as OptionName[]) {
      const spec = OPTIONS[name]
      const text =
        samples[name] ??
        (spec.argument === undefined
          ? 'true'
          : spec.argument === 'DURATION'
            ? '7s'
            : spec.argument === 'SIZE'
              ? '77MB'
              : '7')
      const { values } = resolveOptions({}, { [environmentName(spec)]: text })
      expect(values[name], name).not.toEqual(resolveOptions({}, {}).values[name])
    }
  })
})

describe('what is not valid names where it came from', () => {
  it.each([
    [() => resolveOptions({ parallelism: ['0'] }, {}), '--parallelism 0 is not valid', /from 1 to/],
    [() => resolveOptions({ parallelism: ['4.5'] }, {}), '--parallelism 4.5 is not valid', /whole number/],
    [() => resolveOptions({ 'checkpoint-interval': ['10'] }, {}), '--checkpoint-interval 10 is not valid', /10s/],
    [() => resolveOptions({ memory: ['1MB'] }, {}), '--memory 1MB is not valid', /at least 16MB/],
    [() => resolveOptions({ 'job-id': ['../x'] }, {}), '--job-id ../x is not valid', /letters/],
    [() => resolveOptions({ 'job-id': ['.spill'] }, {}), '--job-id .spill is not valid', /letters/],
    [() => resolveOptions({}, { MILLRACE_MEMORY: 'lots' }), 'MILLRACE_MEMORY=lots is not valid', /512MB/],
    [() => resolveOptions({}, { MILLRACE_JSON: 'yes' }), 'MILLRACE_JSON=yes is not valid', /true or false/],
    [() => resolveOptions({ param: ['threshold'] }, {}), '--param gives "threshold", which has no "="', /NAME=VALUE/],
    [
      () => resolveOptions({}, { MILLRACE_PARAM: '=x' }),
      'MILLRACE_PARAM gives a parameter without a name',
      /NAME=VALUE/,
    ],
    [() => resolveOptions({ 'log-level': ['loud'] }, {}), '--log-level loud is not valid', /debug, info, warn/],
  ])('%#', (act, message, hint) => {
    expect(refusal(act)).toMatchObject({ code: 'MILLRACE_USAGE', message, hint: expect.stringMatching(hint) })
  })

  it.each([
    [{ parallelism: 'four' }, /^"parallelism" in .*conf\.json: four is not valid$/, /whole number/],
    [{ checkpointInterval: 10 }, /^"checkpointInterval" in .*conf\.json: 10 is not valid$/, /10s/],
    [
      { 'checkpoint-dir': 'x' },
      /^config file .*conf\.json: unknown option "checkpoint-dir"$/,
      /did you mean "checkpointDir"/,
    ],
    [{ bogus: 1 }, /unknown option "bogus"$/, /known options: .*parallelism/],
    [{ config: 'other.json' }, /unknown option "config"$/, /known options/],
    [{ params: ['a'] }, /"params" is not an object$/, /"params": \{/],
    [{ params: { a: { b: 1 } } }, /"params\.a" is not a text/, /text/],
    [{ parallelism: null }, /"parallelism" is not a text/, /text/],
    ['{ "parallelism": 4, }', /it is not JSON: /, /mend the file/],
    ['[1]', /it is not a JSON object$/, /write \{/],
  ])('in a config file: %#', (content, message, hint) => {
    const error = refusal(() => resolveOptions({ config: [configFile(content)] }, {}))
    expect(error).toMatchObject({
      code: 'MILLRACE_USAGE',
      message: expect.stringMatching(message),
      hint: expect.stringMatching(hint),
    })
    expect(error.message).not.toContain('\n')
  })

  it('a config file that is not there, or a folder', () => {
    expect(refusal(() => resolveOptions({ config: ['/nowhere/c.json'] }, {})).message).toBe(
      'config file /nowhere/c.json: it does not exist',
    )
    expect(refusal(() => resolveOptions({ config: [tempFolder()] }, {})).message).toMatch(/it is a folder$/)
  })
})
