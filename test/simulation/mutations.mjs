// Breaks the engine on purpose, one way at a time, in a copy of the sources, and shows within how many seeds the simulator notices.
//   node test/simulation/mutations.mjs [--seeds 1000] [--seed-base 1] [--threads 2] [--only TEXT] [--write]
// --write: puts the table into docs/simulated-faults.md
import { build } from 'esbuild'
import { execFile } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs, promisify } from 'node:util'
import { format, resolveConfig } from 'prettier'

const root = join(dirname(fileURLToPath(import.meta.url)), '../..')
const folder = join(root, '.cache/mutations')
const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '1000' },
    'seed-base': { type: 'string', default: '1' },
    threads: { type: 'string', default: '2' },
    only: { type: 'string', default: '' },
    write: { type: 'boolean', default: false },
  },
})
const DOCS = 'docs/simulated-faults.md'

/** What is broken; `find` must be there exactly once. */
const MUTATIONS = [
  {
    name: 'nothing is broken',
    file: 'runtime/task/barrier-aligner.ts',
    find: 'return this.channels[channel] === OPEN',
    replace: 'return this.channels[channel] === OPEN',
  },
  {
    name: 'alignment is skipped on one channel',
    file: 'runtime/task/barrier-aligner.ts',
    find: 'return this.channels[channel] === OPEN',
    replace: 'return channel === 0 ? this.channels[channel] !== LAGGING : this.channels[channel] === OPEN',
  },
  {
    name: 'the rest of a batch that is overtaken is not in flight',
    file: 'runtime/task/input-gate.ts',
    find: 'overtaking.ahead.putBack({ channel: this.channels.indexOf(channel), element })',
    replace: 'queueMicrotask(() => overtaking.ahead.putBack({ channel: this.channels.indexOf(channel), element }))',
  },
  {
    name: 'records in flight go to every subtask after a rescale',
    file: 'runtime/task/channel-restore.ts',
    find: 'if (plain >= range.first && plain <= range.last) own',
    replace: 'if (plain >= range.first || range.first > 0) own',
  },
  {
    name: 'a barrier overtakes the records before it',
    file: 'runtime/task/record-writer.ts',
    find: 'if (this.ship() && this.channel.tryWriteControl(element)) return true',
    replace: `if (element.kind === 'barrier' ? this.channel.tryWriteControl(element) : this.ship() && this.channel.tryWriteControl(element)) return true`,
  },
  {
    name: "the watermark is the fastest channel's",
    file: 'runtime/task/watermark-valve.ts',
    find: 'if (watermark < min) min = watermark',
    replace: 'if (min === MAX_WATERMARK || watermark > min) min = watermark',
  },
  {
    name: 'a snapshot forgets one timer',
    file: 'runtime/state/row-codec.ts',
    find: 'eachTimer(page, slot, this.#writeTimer)',
    replace: `let left = countTimers(page, slot) - 1
    eachTimer(page, slot, (kind, time, space) => this.#writeTimer(kind, left-- === 0 && time < 1e5 ? Infinity : time, space))`,
  },
  {
    name: 'a tombstone is forgotten',
    file: 'runtime/task/segment-files.ts',
    find: 'this.store(writer.add(keyGroup, key, keyFrom, keyTo, key, 0, 0, true, NO_TIMER)),',
    replace: 'void (keyGroup, key, keyFrom, keyTo),',
  },
  {
    name: 'a merge drops tombstones that are still needed',
    file: 'runtime/coordinator/background-merges.ts',
    find: 'dropTombstones: oldest,',
    replace: 'dropTombstones: true,',
  },
  {
    name: 'older segments win over newer ones',
    file: 'runtime/coordinator/draft.ts',
    find: 'segments: [...before, ...subtasks.flatMap((o) => o.segments)],',
    replace: 'segments: [...subtasks.flatMap((o) => o.segments), ...before],',
  },
  {
    name: 'a segment is named before it is stored',
    file: 'runtime/checkpoint/segment-run.ts',
    find: 'await this.#storage.write(path, bytes)',
    replace: 'void this.#storage.write(path, bytes).catch(() => undefined)',
  },
  {
    name: 'segments in use are deleted',
    file: 'runtime/checkpoint/retention.ts',
    find: 'if (!kept.has(path)) this.#oldSegments.add(path)\n    if',
    replace: 'this.#oldSegments.add(path)\n    if',
  },
  {
    name: 'orphans of earlier epochs stay',
    file: 'runtime/checkpoint/retention.ts',
    find: 'if (epoch !== undefined && epoch < this.#epoch && !kept.has(path))',
    replace: 'if (epoch !== undefined && epoch < this.#epoch - 1 && !kept.has(path))',
  },
  {
    name: 'sinks commit before the manifest is written',
    file: 'runtime/coordinator/checkpoints.ts',
    find: 'manifest = await this.options.log.append(draft)',
    replace: `await this.options.committers.commit(committablesOf(draft as unknown as CheckpointManifest))
      manifest = await this.options.log.append(draft)`,
  },
  {
    name: 'what was prepared for an abandoned checkpoint is dropped',
    file: 'runtime/coordinator/checkpoints.ts',
    find: 'this.late(pending.slots.flat())',
    replace: 'void pending.slots',
  },
  {
    name: 'a restart does not publish what the manifest names',
    file: 'runtime/coordinator/job-coordinator.ts',
    find: 'if (from !== undefined) await committers.commit(committablesOf(from))',
    replace: 'void from',
  },
  {
    name: 'changes of an aborted checkpoint count as saved',
    file: 'runtime/task/operator-link.ts',
    find: 'this.backend?.abortCheckpoint(checkpointId)',
    replace: 'this.backend?.completeCheckpoint(checkpointId)',
  },
  {
    name: 'a late acknowledgement counts for the next checkpoint',
    file: 'runtime/coordinator/attempt-checkpoints.ts',
    find: 'this.underWay.find(({ id }) => id === checkpointId)\n    if (pending === undefined) return',
    replace: 'this.underWay[0]\n    if (pending === undefined) return',
  },
  {
    name: 'a split that is being opened is not in the checkpoint',
    file: 'runtime/task/source-driver.ts',
    find: '[...open, ...this.openingSplits, ...this.finished.snapshot()]',
    replace: '[...open, ...this.finished.snapshot()]',
  },
  {
    name: 'a position is one poll old',
    file: 'runtime/task/source-driver.ts',
    find: 'this.decoding.split = split\n',
    replace: `this.decoding.split = split
    ;(split as { old?: unknown }).old = split.reader.position()\n`,
    also: [
      {
        find: 'split: this.positionOf(s.reader), watermark: s.watermark }))',
        replace: 'split: ((s as { old?: JsonValue }).old ?? this.positionOf(s.reader)), watermark: s.watermark }))',
      },
    ],
  },
  {
    name: 'assignments behind a trigger get into the checkpoint',
    file: 'runtime/task/source-driver.ts',
    find: 'if (this.orders.length > 0) this.orders.push(order)',
    replace: 'if (this.orders.length > 1e9) this.orders.push(order)',
  },
  {
    name: "a restored watermark is the fastest subtask's",
    file: 'runtime/coordinator/restore-plan.ts',
    find: 'Math.min(...record.watermarks)',
    replace: 'Math.max(...record.watermarks)',
  },
  {
    name: 'a restored split forgets its watermark',
    file: 'runtime/coordinator/restore-plan.ts',
    find: 'watermark: s.watermark })',
    replace: 'watermark: -Infinity })',
  },
  {
    name: 'who was taken over goes on committing',
    file: 'runtime/checkpoint/manifest-log.ts',
    find: 'if (earlier === undefined) throw this.#fence(created.entry)\n      this.#committed(earlier)',
    replace: 'if (earlier === undefined) this.#next++\n      else this.#committed(earlier)',
  },
  {
    name: 'a rescaled subtask misses the last key group',
    file: 'runtime/coordinator/restore-plan.ts',
    find: 'segment.firstKeyGroup <= last',
    replace: 'segment.firstKeyGroup < last',
  },
  {
    name: 'a merge counts as newer than what came after it',
    file: 'runtime/coordinator/background-merges.ts',
    find: '[...rest.slice(0, at), ...done.result, ...rest.slice(at)]',
    replace: '[...rest, ...done.result]',
  },
  {
    name: 'a stale segment is used again after a restart',
    file: 'runtime/coordinator/checkpoints.ts',
    find: 'this.segments = manifest === undefined ? {} : segmentsOf(manifest)',
    replace: `const from = manifest === undefined ? {} : segmentsOf(manifest)
    this.segments = Object.fromEntries(Object.entries(from).map(([uid, list]) => [uid, [...list, ...list.slice(0, 1)]]))`,
  },
  {
    name: 'a restored timer by the clock is forgotten',
    file: 'runtime/state/row-restorer.ts',
    find: 'this.#timers.counts[kind]++',
    replace: 'if (time > 1e12 && time % 7 === 0) return\n      this.#timers.counts[kind]++',
  },
  {
    name: 'the sub-sequence of a position is dropped',
    file: 'operators/connectors/kinesis/shard-split-reader.ts',
    find: 'const subSequence = this.users[this.userIndex]!.subSequence',
    replace: 'const subSequence = 0',
  },
  {
    name: 'a savepoint is an earlier checkpoint',
    file: 'runtime/coordinator/savepoints.ts',
    find: 'this.wishes.filter(({ after }) => after < manifest.checkpointId)',
    replace: 'this.wishes.filter(({ after }) => after <= manifest.checkpointId)',
  },
  {
    name: 'a savepoint lacks a segment',
    file: 'runtime/checkpoint/savepoint.ts',
    find: 'const left = [...segments]',
    replace: 'const left = segments.slice(1)',
  },
  {
    name: 'what a savepoint is copied from may be deleted',
    file: 'runtime/checkpoint/retention.ts',
    find: 'this.#pinned.set(position, (this.#pinned.get(position) ?? 0) + 1)',
    replace: 'this.#pinned.set(position - 1e9, 1)',
  },
  {
    name: 'the checksum of a segment is not looked at',
    file: 'runtime/checkpoint/segment-index.ts',
    find: 'if (!cutOff && crc32(bytes, from, from + block.bytes) === block.crc) return',
    replace: 'if (!cutOff) return',
  },
  {
    name: 'the checksum of a manifest is not looked at',
    file: 'runtime/checkpoint/manifest-codec.ts',
    find: 'if (checksum(format, text) !== header[2]) throw corrupt(path)',
    replace: 'if (checksum(format, text) === "") throw corrupt(path)',
  },
  {
    name: 'an older checkpoint is restored although its output comes twice',
    file: 'runtime/cli/restore-choice.ts',
    find: 'if (one.checkpointId <= checkpoint.checkpointId) continue',
    replace: 'if (one.checkpointId < Infinity) continue',
  },
  {
    name: 'a cancel clears away what a checkpoint in doubt names',
    file: 'runtime/coordinator/job-coordinator.ts',
    find: 'if (!checkpoints.inDoubt) await committers.recover(false, this.latest)',
    replace: 'await committers.recover(false, this.latest)',
  },
  {
    name: 'a canceled job has finished although not all is published',
    file: 'runtime/coordinator/job-coordinator.ts',
    find: 'return this.latest?.final === true && checkpoints.outputPublished ?',
    replace: 'return this.latest?.final === true ?',
  },
  {
    name: 'a job that is drained leaves out the end of time',
    file: 'runtime/task/source-driver.ts',
    find: 'if (this.ended) return MAX_WATERMARK',
    replace: 'if (this.ended && !this.drained) return MAX_WATERMARK',
  },
]

async function hunt({ name, file, find, replace, also = [] }, number) {
  const outfile = join(folder, `${number}.mjs`)
  const path = join(root, file)
  let mutated = readFileSync(path, 'utf8')
  for (const change of [{ find, replace }, ...also]) {
    if (mutated.split(change.find).length !== 2) throw new Error(`${name}: ${file} does not have it exactly once`)
    mutated = mutated.replace(change.find, () => change.replace)
  }
  await build({
    entryPoints: [join(root, 'test/simulation/hunt.ts')],
    bundle: true,
    platform: 'node',
    format: 'esm',
    packages: 'external',
    outfile,
    logLevel: 'error',
    plugins: [
      {
        name: 'mutation',
        setup: ({ onLoad }) =>
          onLoad({ filter: /\.ts$/ }, (args) => (args.path === path ? { contents: mutated, loader: 'ts' } : undefined)),
      },
    ],
  })
  const began = performance.now()
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [outfile, '--seeds', values.seeds, '--seed-base', values['seed-base']],
    {
      cwd: root,
      maxBuffer: 2 ** 26,
    },
  )
  const found = JSON.parse(stdout.trim().split('\n').at(-1))
  return { name, ...found, seconds: (performance.now() - began) / 1000 }
}

rmSync(folder, { recursive: true, force: true })
mkdirSync(folder, { recursive: true })
const chosen = MUTATIONS.filter(({ name }) => name.includes(values.only))
const width = Math.max(...chosen.map(({ name }) => name.length))
console.log(`${'what is broken'.padEnd(width)}  seeds  seconds  found in      by`)
const queue = chosen.entries()
let unnoticed = 0
const rows = []
async function work() {
  for (const [number, mutation] of queue) {
    const { name, seeds, seconds, scenario, seed, problem } = await hunt(mutation, number)
    const broken = mutation.find !== mutation.replace
    if (broken !== (problem !== undefined)) unnoticed++
    const what =
      problem === undefined ? (broken ? 'NOT NOTICED' : 'nothing, as it should') : problem.replaceAll(/\s+/g, ' ')
    const row = [
      name.padEnd(width),
      String(seeds).padStart(5),
      seconds.toFixed(1).padStart(7),
      (scenario ?? '-').padEnd(12),
    ]
    console.log(`${row.join('  ')}  ${what.slice(0, 110)}`)
    rows[number] = { broken, name, seeds, scenario, seed, by: checkOf(problem) }
  }
}
await Promise.all(Array.from({ length: Number(values.threads) }, work))
console.log(unnoticed === 0 ? 'each is noticed' : `${unnoticed} not as it should be`)
process.exitCode = unnoticed === 0 ? 0 : 1
if (values.write && unnoticed === 0) await writeTable()

/** Which of the simulator's checks noticed it. */
function checkOf(problem) {
  if (problem === undefined) return ''
  const checks = [
    [/does not run even undisturbed/, 'a run without faults'],
    [/the output of sink|has output, in an/, 'output compared'],
    [/the state of/, 'state compared'],
    [/numRecords|is \d+, in an undisturbed/, 'counts compared'],
    [/goes back from/, 'nothing goes back'],
    [/commits .* (before a manifest|which was)/, 'order of commits'],
    [/writes position/, 'one writer'],
    [/deletes .* refers to|leaked:|missing:|not there$/, 'files are what manifests name'],
    [/savepoint is checkpoint/, 'savepoints'],
    [/the job fails with (\w+)/, 'no failure without a fault'],
    [/does not come to its end|deadlock/, 'the job ends'],
    [/barrier|hears that/, 'order of barriers'],
  ]
  return checks.find(([pattern]) => pattern.test(problem))?.[1] ?? problem.slice(0, 60)
}

async function writeTable() {
  const path = join(root, DOCS)
  const lines = rows
    .filter(({ broken }) => broken)
    .map(({ name, seeds, scenario, seed, by }) => `| ${name} | ${seeds} | ${scenario} | ${seed ?? ''} | ${by} |`)
  const table = ['| broken | seeds run | scenario | its seed | noticed by |', '|---|---|---|---|---|', ...lines].join(
    '\n',
  )
  const text = readFileSync(path, 'utf8').replace(
    /(<!-- mutations -->\n\n)[^]*?(\n\n<!-- end -->)/,
    (_, begin, end) => begin + table + end,
  )
  const options = await resolveConfig(path)
  writeFileSync(path, await format(text, { ...options, filepath: path }))
}
