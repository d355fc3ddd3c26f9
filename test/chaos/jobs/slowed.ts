import type { JobDefinition, Source } from 'millrace'

/** How long a split without anything due is left alone. */
const PAUSE_MS = 2

/** The job, but every split of its sources gives `rate` records a second at most; 0: no limit. What it computes stays the same. */
export function slowed(job: JobDefinition): JobDefinition {
  return {
    ...job,
    params: [...job.params, { name: 'rate', type: 'integer', default: '0', description: 'records a second and split' }],
    build: ({ rate = '0', ...params }) => {
      const { nodes } = job.build(params)
      if (Number(rate) === 0) return { nodes }
      return {
        nodes: nodes.map((node) =>
          node.kind === 'source' ? { ...node, source: slowedSource(node.source, Number(rate) / 1000) } : node,
        ),
      }
    },
  }
}

function slowedSource<Raw>(source: Source<Raw>, perMs: number): Source<Raw> {
  return {
    ...source,
    createReader: (ctx) => {
      const reader = source.createReader(ctx)
      return {
        close: () => reader.close?.(),
        openSplit: async (split) => {
          const inner = await reader.openSplit(split)
          const startMs = Date.now()
          let taken = 0
          return {
            position: () => inner.position(),
            close: () => inner.close?.(),
            available: async () => {
              await new Promise((resolve) => setTimeout(resolve, PAUSE_MS))
              await inner.available()
            },
            poll: (out, max) => {
              const due = Math.floor((Date.now() - startMs) * perMs) - taken
              if (due <= 0) return 'wait'
              const counting = {
                collect: (raw: Raw, timestamp: number) => {
                  taken++
                  out.collect(raw, timestamp)
                },
              }
              return inner.poll(counting, Math.min(max, due))
            },
          }
        },
      }
    },
  }
}
