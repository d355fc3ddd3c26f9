import { describe, expect, it } from 'vitest'
import { ENGINE_METRICS, METRICS_LEVELS } from '../../runtime/metrics/catalogue.js'
import { dashboardBody, periodSeconds, type Widget } from '../../runtime/metrics/dashboard.js'
import type { OperatorPlace } from '../../runtime/metrics/topology.js'

const PLACES: readonly OperatorPlace[] = [
  { uid: 'in', kind: 'source', task: 'in', taskId: 0, head: true, tail: true },
  { uid: 'out', kind: 'sink', task: 'out', taskId: 1, head: true, tail: true },
]
const bodyAt = (level: (typeof METRICS_LEVELS)[number]) =>
  dashboardBody({
    application: 'wind',
    namespace: 'Millrace',
    region: 'eu-west-1',
    places: PLACES,
    level,
    intervalMs: 60_000,
  })

type Line = (string | Record<string, unknown>)[]
const linesOf = ({ properties }: Widget) => (properties['metrics'] ?? []) as Line[]

describe('the dashboard of a job', () => {
  it.each(METRICS_LEVELS)('at level %s is one that CloudWatch takes', (level) => {
    const { widgets } = bodyAt(level)
    const taken = new Set<string>()
    for (const widget of widgets) {
      const { type, x, y, width, height, properties } = widget
      expect([x, y, width, height].every((n) => Number.isInteger(n) && n >= 0)).toBe(true)
      expect(x + width).toBeLessThanOrEqual(24)
      for (let column = x; column < x + width; column++)
        for (let row = y; row < y + height; row++) {
          expect(taken).not.toContain(`${column},${row}`)
          taken.add(`${column},${row}`)
        }
      if (type === 'text') {
        expect(properties['markdown']).toBeTypeOf('string')
        continue
      }
      expect(properties).toMatchObject({ region: 'eu-west-1', period: 60, view: 'timeSeries' })
      const ids = linesOf(widget).flatMap((line) => (line.at(-1) as { id?: string }).id ?? [])
      expect(new Set(ids).size).toBe(ids.length)
      for (const id of ids) expect(id).toMatch(/^[a-z]\w*$/)
      for (const line of linesOf(widget)) {
        expect(line.at(-1)).toBeTypeOf('object')
        if (line.length === 1) expect(line[0]).toHaveProperty('expression')
        else expect(line.slice(0, -1).every((part) => typeof part === 'string')).toBe(true)
        if (line.length > 1) expect(line[0]).toBe('Millrace')
        expect(line.length === 1 || (line.length - 3) % 2 === 0).toBe(true)
      }
    }
  })

  it("shows every metric of the engine's, by the names and dimensions it is published with", () => {
    const shown = new Map(
      bodyAt('application')
        .widgets.flatMap(linesOf)
        .filter((line) => line.length > 1)
        .map((line) => [line[1], line.slice(2, -1)]),
    )
    const countsOnly = ['oldGenerationGCCount', 'youngGenerationGCCount']
    expect([...shown.keys()].sort()).toEqual(
      ENGINE_METRICS.map(({ name }) => name)
        .filter((name) => !countsOnly.includes(name))
        .sort(),
    )
    for (const dimensions of shown.values()) expect(dimensions).toEqual(['Application', 'wind'])
  })

  it('shows tasks, operators and subtasks where they have series', () => {
    const text = (level: (typeof METRICS_LEVELS)[number]) => JSON.stringify(bodyAt(level))
    expect(text('application')).not.toContain('"Task"')
    expect(text('task')).toContain('"busyTimeMsPerSecond","Application","wind","Task","in"')
    expect(text('task')).not.toContain('"Operator"')
    expect(text('operator')).toContain('"numRecordsInPerSecond","Application","wind","Task","out","Operator","out"')
    expect(text('operator')).not.toContain('SEARCH')
    expect(text('parallelism')).toContain('SEARCH')
  })

  it('has periods that CloudWatch knows', () => {
    expect([1000, 2000, 7000, 30_000, 45_000, 60_000, 90_000].map(periodSeconds)).toEqual([1, 5, 10, 30, 60, 60, 120])
  })
})
