import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { paramsOfGroups, readPropertyGroups } from '../../config/property-groups.js'
import { resolveOptions } from '../../config/resolve-options.js'
import { defineJob, p } from '../../operators/index.js'
import type { JobDefinition } from '../../runtime/contract/graph.js'
import { tempFolder } from '../cli/temp-folder.js'

const group = (id: string, map: object) => ({ PropertyGroupId: id, PropertyMap: map })
const environment = { region: 'eu-west-1', inputStreamName: 'in', outputStreamName: 'out' }

const job: JobDefinition = defineJob({
  name: 'turbines',
  params: {
    input: p.source('datagen:turbines').fromGroup('Wind', 'kinesis://{inputStreamName}?region={region}'),
    output: p.sink().fromGroup('Wind', 'kinesis://{outputStreamName}?region={region}'),
    threshold: p.number(60).fromGroup('Limits', '{threshold}'),
    other: p.string('as ever'),
  },
  build: () => undefined,
})

function paramsOf(groups: unknown, given: Record<string, string> = {}): Record<string, string> {
  return paramsOfGroups(job.name, job.params, readPropertyGroups('conf.json', groups), given)
}

describe('parameters made of property groups', () => {
  it('take the properties that their templates name', () => {
    expect(paramsOf([group('Wind', environment), group('Limits', { threshold: 70 })])).toEqual({
      input: 'kinesis://in?region=eu-west-1',
      output: 'kinesis://out?region=eu-west-1',
      threshold: '70',
    })
  })

  it('of a group that the file does not have keep their defaults', () => {
    expect(paramsOf([group('Limits', { threshold: 70 })])).toEqual({ threshold: '70' })
  })

  it('that are given themselves are not made, and need nothing of the group', () => {
    const { outputStreamName: _, ...rest } = environment
    expect(paramsOf([group('Wind', rest)], { output: 'console:' })).toEqual({ input: 'kinesis://in?region=eu-west-1' })
  })

  it('take a property as it is in a path, and encoded in the query of a locator', () => {
    const odd = { ...environment, inputStreamName: 'arn:aws:kinesis:eu-west-1:123456789012:stream/in', region: 'a&b=c' }
    expect(paramsOf([group('Wind', odd)])['input']).toBe(
      'kinesis://arn:aws:kinesis:eu-west-1:123456789012:stream/in?region=a%26b%3Dc',
    )
  })
})

describe('refused, naming the file', () => {
  it.each<[string, unknown, RegExp]>([
    [
      'an unknown group',
      [group('Winds', environment)],
      /conf\.json: property group "Winds" is unknown to job turbines/,
    ],
    [
      'an unknown property',
      [group('Wind', { ...environment, regoin: 'x' })],
      /conf\.json: property "regoin" of group "Wind" is unknown to job turbines/,
    ],
    [
      'a missing property',
      [group('Wind', { region: 'x', inputStreamName: 'in' })],
      /group "Wind" has no "outputStreamName"/,
    ],
    ['a group that is there twice', [group('Wind', environment), group('Wind', environment)], /"Wind" is there twice/],
    ['a group without an id', [{ PropertyMap: {} }], /no PropertyGroupId/],
    ['a group without a map', [{ PropertyGroupId: 'Wind' }], /"Wind" has no PropertyMap/],
    ['an unknown key beside them', [{ ...group('Wind', environment), Extra: 1 }], /"Wind" has an unknown key "Extra"/],
    ['a property that is an object', [group('Wind', { region: {} })], /"region" of property group "Wind"/],
    ['no list', { Wind: {} }, /not a list/],
  ])('%s', (_, groups, message) => {
    expect(() => paramsOf(groups)).toThrow(message)
  })

  it('a template without a property', () => {
    expect(() => p.string().fromGroup('Wind', 'kinesis://in')).toThrow('names no property')
  })
})

describe('a config file', () => {
  const configFile = (content: unknown): string => `${tempFolder({ 'conf.json': JSON.stringify(content) })}/conf.json`

  it('may be a list of property groups alone', () => {
    const path = configFile([group('Wind', environment)])
    expect(resolveOptions({ config: [path] }, {}).propertyGroups).toEqual({
      path,
      groups: new Map([['Wind', new Map(Object.entries(environment))]]),
    })
  })

  it('may have them beside options and parameters', () => {
    const path = configFile({ parallelism: 2, params: { other: 'x' }, propertyGroups: [group('Wind', environment)] })
    const { values, propertyGroups } = resolveOptions({ config: [path] }, { MILLRACE_PARAM: 'input=file:a' })
    expect(values).toMatchObject({ parallelism: 2, params: { other: 'x', input: 'file:a' } })
    expect(paramsOfGroups(job.name, job.params, propertyGroups!, values.params)).toEqual({
      output: 'kinesis://out?region=eu-west-1',
    })
  })
})

it("the wind turbine's file fits its job", async () => {
  const { default: windTurbine } = await import('../../jobs/windTurbine.js')
  const path = fileURLToPath(new URL('../../config/windTurbine.json', import.meta.url))
  const groups = readPropertyGroups(path, JSON.parse(readFileSync(path, 'utf8')))
  const params = paramsOfGroups(windTurbine.name, windTurbine.params, groups, {})
  expect(params).toEqual({
    input: 'kinesis://kds-ddb-blog-InputKinesisStream?region=us-east-1&position=TRIM_HORIZON',
    output: 'kinesis://kds-ddb-blog-OutputKinesisStream?region=us-east-1&partitionKey=0',
  })
  expect(windTurbine.build(params).nodes.length).toBeGreaterThan(3)
})
