import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, it } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))

const sources: Record<string, string> = {
  'runtime/contract/key.ts': 'export const key = 1',
  'runtime/task/task.ts': "import { key } from '../contract/key.js'\nexport const task = key",
  'runtime/exchange/ring-layout.ts': "import { key } from '../contract/key.js'\nexport const bytes = key",
  'runtime/worker/worker-protocol.ts': "import type { task } from '../task/task.js'\nexport type Task = typeof task",
  'runtime/coordinator/good.ts':
    "import type { task } from '../task/task.js'\nimport { bytes } from '../exchange/ring-layout.js'\n" +
    "import type { Task } from '../worker/worker-protocol.js'\nexport const good: typeof task | Task = bytes",
  'runtime/coordinator/bad.ts': "import { task } from '../task/task.js'\nexport const bad = task",
  'runtime/worker/thread-host.ts': "import { task } from '../task/task.js'\nexport const host = task",
  'runtime/plan/disk.ts': "import { readFileSync } from 'node:fs'\nexport const disk = readFileSync",
  'runtime/plan/left.ts': "import { right } from './right.js'\nexport const left: number = right",
  'runtime/plan/right.ts': "import { left } from './left.js'\nexport const right: number = left",
  'runtime/novel/new.ts': "import { key } from '../contract/key.js'\nexport const novel = key",
  'operators/good.ts': "import { key } from '../runtime/contract/key.js'\nexport const good = key",
  'operators/bad.ts': "import { left } from '../runtime/plan/left.js'\nexport const bad = left",
  'operators/lonely.ts': 'export const lonely = 1',
  'jobs/job.ts': "import { good } from '../operators/good.js'\nexport default good",
}

/** "rule: from -> to" of everything that the project's own rules find in the sources above. */
let found: string[]
let folder: string

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-imports-'))
  for (const [path, content] of Object.entries(sources)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), content)
  }
  writeFileSync(join(folder, 'package.json'), '{ "name": "fixture", "type": "module" }')
  writeFileSync(join(folder, 'tsconfig.json'), '{ "compilerOptions": { "module": "NodeNext" } }')
  const depcruise = join(root, 'node_modules/dependency-cruiser/bin/dependency-cruise.mjs')
  const args = [
    '--config',
    join(root, '.dependency-cruiser.cjs'),
    '--output-type',
    'json',
    'runtime',
    'operators',
    'jobs',
  ]
  const run = spawnSync(process.execPath, [depcruise, ...args], { cwd: folder, encoding: 'utf8' })
  const { summary } = JSON.parse(run.stdout) as { summary: { violations: Violation[] } }
  found = summary.violations.map((violation) => `${violation.rule.name}: ${violation.from} -> ${violation.to}`).sort()
})

afterAll(() => {
  rmSync(folder, { recursive: true, force: true })
})

interface Violation {
  from: string
  to: string
  rule: { name: string }
}

it('the import rules refuse each forbidden direction and nothing else', () => {
  expect(found).toEqual([
    'coordinator-imports: runtime/coordinator/bad.ts -> runtime/task/task.ts',
    'folder-without-rule: runtime/novel/new.ts -> runtime/contract/key.ts',
    'jobs-use-the-package: jobs/job.ts -> operators/good.ts',
    'main-thread-touches-no-record: runtime/coordinator/bad.ts -> runtime/task/task.ts',
    'main-thread-touches-no-record: runtime/worker/thread-host.ts -> runtime/task/task.ts',
    'no-cycles: runtime/plan/left.ts -> runtime/plan/right.ts',
    'no-disk-or-network-below-the-edges: runtime/plan/disk.ts -> fs',
    'no-orphans: operators/lonely.ts -> operators/lonely.ts',
    'operators-see-the-contract-only: operators/bad.ts -> runtime/plan/left.ts',
    'thread-host-imports: runtime/worker/thread-host.ts -> runtime/task/task.ts',
  ])
})
