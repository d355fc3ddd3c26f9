import { MillraceError } from '../runtime/contract/errors.js'
import type { ParamSpec } from '../runtime/contract/graph.js'

/**
 * Property groups of a config file, in the form that Managed Service for Apache Flink gives its applications them:
 * `[{ "PropertyGroupId": "WindTurbineEnvironment", "PropertyMap": { "region": "eu-west-1" } }]`.
 */
export interface PropertyGroups {
  readonly path: string
  readonly groups: ReadonlyMap<string, ReadonlyMap<string, string>>
}

const EXAMPLE = 'write [{ "PropertyGroupId": "Environment", "PropertyMap": { "region": "eu-west-1" } }]'

/** Takes the JSON apart. MILLRACE_USAGE naming the file and what is wrong in it. */
export function readPropertyGroups(path: string, content: unknown): PropertyGroups {
  if (!Array.isArray(content)) throw refusal(path, 'the property groups are not a list', EXAMPLE)
  const groups = new Map<string, ReadonlyMap<string, string>>()
  for (const entry of content as unknown[]) {
    const { PropertyGroupId: id, PropertyMap: map, ...rest } = isObject(entry) ? entry : {}
    if (typeof id !== 'string' || id === '') throw refusal(path, 'a property group has no PropertyGroupId', EXAMPLE)
    const [other] = Object.keys(rest)
    if (other !== undefined) throw refusal(path, `property group "${id}" has an unknown key "${other}"`, EXAMPLE)
    if (groups.has(id)) throw refusal(path, `property group "${id}" is there twice`, 'make them one')
    if (!isObject(map)) throw refusal(path, `property group "${id}" has no PropertyMap`, EXAMPLE)
    groups.set(id, new Map(Object.entries(map).map(([key, value]) => [key, scalar(path, id, key, value)])))
  }
  return { path, groups }
}

/**
 * Parameters that a job makes of property groups, those in `given` left out: they are given themselves. MILLRACE_PARAM naming the file for
 * a group or property that the job does not know, and for one that a parameter needs.
 */
export function paramsOfGroups(
  jobName: string,
  specs: readonly ParamSpec[],
  { path, groups }: PropertyGroups,
  given: Readonly<Record<string, string>>,
): Record<string, string> {
  refuseUnknown(jobName, specs, { path, groups })
  const params: [string, string][] = []
  for (const spec of specs) {
    const group = spec.fromGroup === undefined ? undefined : groups.get(spec.fromGroup.group)
    if (group !== undefined && !Object.hasOwn(given, spec.name)) params.push([spec.name, filled(path, spec, group)])
  }
  return Object.fromEntries(params)
}

/** The properties that a template needs. */
export function keysOf(template: string): string[] {
  return [...template.matchAll(PLACE)].map(([, key]) => key!)
}

const PLACE = /\{([^{}]+)\}/g

function filled(path: string, spec: ParamSpec, group: ReadonlyMap<string, string>): string {
  const { group: id, template } = spec.fromGroup!
  const isLocator = spec.type === 'source' || spec.type === 'sink'
  const queryAt = isLocator ? template.indexOf('?') : -1
  return template.replace(PLACE, (_, key: string, at: number) => {
    const value = group.get(key)
    if (value !== undefined) return queryAt >= 0 && at > queryAt ? encodeURIComponent(value) : value
    throw new MillraceError('MILLRACE_PARAM', `config file ${path}: property group "${id}" has no "${key}"`, {
      hint: `parameter ${spec.name} is made of it: add it, or give --param ${spec.name}=...`,
    })
  })
}

function refuseUnknown(jobName: string, specs: readonly ParamSpec[], { path, groups }: PropertyGroups): void {
  const known = new Map<string, Set<string>>()
  for (const { fromGroup } of specs) {
    if (fromGroup === undefined) continue
    const keys = known.get(fromGroup.group) ?? new Set()
    for (const key of keysOf(fromGroup.template)) keys.add(key)
    known.set(fromGroup.group, keys)
  }
  for (const [id, group] of groups) {
    const keys = known.get(id)
    if (keys === undefined) {
      const hint = known.size === 0 ? 'it has none' : `it knows ${[...known.keys()].join(', ')}`
      throw unknown(path, `property group "${id}" is unknown to job ${jobName}`, hint)
    }
    for (const key of group.keys()) {
      if (keys.has(key)) continue
      const what = `property "${key}" of group "${id}" is unknown to job ${jobName}`
      throw unknown(path, what, `it knows ${[...keys].join(', ')}`)
    }
  }
}

function scalar(path: string, id: string, key: string, value: unknown): string {
  if (typeof value === 'string') return value
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  throw refusal(path, `"${key}" of property group "${id}" is not a text, a number or a boolean`, 'give it as a text')
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function refusal(path: string, reason: string, hint: string): MillraceError {
  return new MillraceError('MILLRACE_USAGE', `config file ${path}: ${reason}`, { hint })
}

function unknown(path: string, reason: string, hint: string): MillraceError {
  return new MillraceError('MILLRACE_PARAM', `config file ${path}: ${reason}`, { hint })
}
