import { describe, expect, it } from 'vitest'
import turbineAlerts from '../../jobs/turbineAlerts.js'
import { inputFolder, runJob } from './run-job.js'

const START = Date.UTC(2024, 0, 15, 6)
const alert = `{"turbineID":"a\\"b","avgSpeed":12345678901234567890,"windowStart":${START},"windowEnd":${START + 60_000}}`

describe('turbineAlerts', () => {
  it('says each alert in a sentence, with all its digits; what is none is invalid', async () => {
    const wrong = ['{}', 'no', alert.replace('90,', '9.5,'), alert.replace(`${START},`, 'null,')]
    const folder = await inputFolder({ 'a.jsonl': [alert, '', ...wrong].map((line) => `${line}\n`).join('') })
    const { result, lines } = await runJob(turbineAlerts, ['output', 'invalid'], {
      params: { input: `file:${folder}` },
    })
    expect(result.status).toBe('FINISHED')
    expect(lines.output).toEqual([
      'Wind turbine a"b is running at 12345678901234567890 mph on average, 2024-01-15T06:00:00.000Z to 2024-01-15T06:01:00.000Z',
    ])
    expect(lines.invalid.map((line) => JSON.parse(line).reason as string).sort()).toEqual([
      'avgSpeed is not a whole number',
      'not JSON',
      'turbineID is not a string',
      'windowStart and windowEnd are not times in milliseconds',
    ])
  })

  it('has alerts of its own to begin with', async () => {
    const { result } = await runJob(turbineAlerts, ['invalid'])
    expect(result.printed).toHaveLength(20)
  })
})
