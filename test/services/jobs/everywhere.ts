import { p, sinkFor } from 'millrace'
import type { JobDefinition } from 'millrace'

/** The job, with two more sinks beside the one of this uid: `lake` and `table`, given as any sink. They get what that one gets. */
export function everywhere(job: JobDefinition, uid: string): JobDefinition {
  return {
    ...job,
    params: [...job.params, { name: 'lake', type: 'sink' }, { name: 'table', type: 'sink' }],
    build({ lake = '', table = '', ...params }) {
      const { nodes } = job.build(params)
      const first = nodes.find((node) => node.uid === uid)
      if (first?.kind !== 'sink') throw new Error(`${job.name} has no sink ${uid}`)
      const more = Object.entries({ lake, table }).map(([name, text], i) => ({
        ...first,
        id: nodes.length + i,
        uid: name,
        sink: sinkFor<never>(locatorOf(text)),
      }))
      return { nodes: [...nodes, ...more] }
    },
  }
}

function locatorOf(text: string): Parameters<typeof sinkFor>[0] {
  const parsed = p.sink().parse(text)
  if ('value' in parsed) return parsed.value
  throw new Error(`${text} is not ${parsed.form}`)
}
