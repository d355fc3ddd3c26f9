import { describe, expect, it } from 'vitest'
import eventsByCountry from '../../jobs/eventsByCountry.js'
import hotSensors from '../../jobs/hotSensors.js'
import pageImpressions from '../../jobs/pageImpressions.js'
import turbineAlerts from '../../jobs/turbineAlerts.js'
import windTurbine from '../../jobs/windTurbine.js'
import { metricTable } from './metric-table.js'
import { optionTable } from './option-table.js'
import { readPages, tableUnder } from './pages.js'

const pages = readPages()
const page = (path: string) => pages.find((one) => one.path === path)!

describe('reference tables say what the program says', () => {
  it('docs/guides/cli.md has every option, with its names, default and description', () => {
    expect(tableUnder(page('docs/guides/cli.md'), 'options').join('\n')).toBe(optionTable().join('\n'))
  })

  it("docs/guides/metrics.md has every metric of the engine's", () => {
    expect(tableUnder(page('docs/guides/metrics.md'), 'metrics').join('\n')).toBe(metricTable().join('\n'))
  })

  it.each([windTurbine, turbineAlerts, hotSensors, eventsByCountry, pageImpressions])(
    'docs/guides/jobs.md has every parameter of $name, with its default',
    (job) => {
      const rows = tableUnder(page('docs/guides/jobs.md'), `params ${job.name}`).slice(2)
      const said = rows.map((row) => {
        const [, name = '', fallback = ''] = row.split('|').map((cell) => cell.trim().replaceAll('`', ''))
        return [name, fallback]
      })
      expect(said).toEqual(job.params.map(({ name, default: fallback = '' }) => [name, fallback]))
    },
  )
})
