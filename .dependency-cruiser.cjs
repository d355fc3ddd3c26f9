// Which folder may import which: design section "The layers", docs/architecture.md. `npm run imports` checks it.

/** An engine folder -> the engine folders it may import. `contract` and itself are allowed everywhere; what is not listed is not. */
const engine = {
  contract: [],
  codec: [],
  plan: ['codec'],
  exchange: ['codec'],
  state: ['codec'],
  aws: [],
  storage: ['aws'],
  metrics: ['aws'],
  checkpoint: ['codec', 'storage'],
  task: ['codec', 'plan', 'exchange', 'state', 'checkpoint', 'storage', 'metrics'],
  worker: ['codec', 'plan', 'exchange', 'state', 'checkpoint', 'storage', 'metrics', 'task'],
  coordinator: ['codec', 'plan', 'checkpoint', 'storage', 'metrics'],
  http: ['coordinator', 'metrics'],
  cli: ['codec', 'plan', 'coordinator', 'checkpoint', 'storage', 'metrics', 'http', 'aws'],
}

/** These read the options' table. */
const readsConfig = ['worker', 'coordinator', 'metrics', 'http', 'cli', 'testing']

/** The main thread's side of worker/: it starts the threads and knows their entry by URL only. */
const threadHost = '^runtime/worker/thread-[^/]+\\.ts$'
/** These run on the main thread, which never touches a record. */
const mainThread = ['^runtime/(coordinator|cli|http)/', threadHost]
const recordFolders = '^runtime/(task|exchange|state)/'
/** How shared memory is laid out: the main thread allocates it. */
const layout = '^runtime/exchange/[^/]+-layout\\.ts$'
/** The messages between the threads: types and plain values. */
const protocol = '^runtime/worker/[^/]*protocol[^/]*\\.ts$'

/** Single files that a folder may import beyond the folders above. */
const files = {
  task: [protocol],
  coordinator: [layout, protocol],
  http: [protocol],
  cli: [layout, protocol, threadHost],
}
/** Of main-thread folders, a type from anywhere is allowed: it is gone at run time. */
const typesFromAnywhere = ['coordinator', 'http', 'cli']

const folderRules = Object.entries(engine).map(([folder, imports]) => ({
  name: `${folder}-imports`,
  comment: `runtime/${folder} may import: ${['contract', ...imports].join(', ')}`,
  severity: 'error',
  from: { path: `^runtime/${folder}/`, pathNot: threadHost },
  to: {
    path: '^runtime/',
    pathNot: [`^runtime/(${['contract', folder, ...imports].join('|')})/`, ...(files[folder] ?? [])],
    ...(typesFromAnywhere.includes(folder) ? { dependencyTypesNot: ['type-only'] } : {}),
  },
}))

module.exports = {
  forbidden: [
    ...folderRules,
    {
      name: 'folder-without-rule',
      comment: 'A new folder of the engine needs a line in .dependency-cruiser.cjs that says what it may import',
      severity: 'error',
      from: { path: '^runtime/[^/]+/', pathNot: `^runtime/(testing|${Object.keys(engine).join('|')})/` },
      to: {},
    },
    {
      name: 'main-thread-touches-no-record',
      comment: 'coordinator, cli and http use task, exchange and state as types only',
      severity: 'error',
      from: { path: mainThread },
      to: { path: recordFolders, pathNot: layout, dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'thread-host-imports',
      comment: 'worker/thread-*.ts runs on the main thread: contract, coordinator and the protocol',
      severity: 'error',
      from: { path: threadHost },
      to: { path: '^runtime/', pathNot: ['^runtime/(contract|coordinator)/', threadHost, layout, protocol] },
    },
    {
      name: 'protocol-is-plain',
      comment: 'What the main thread and the workers share must not draw the task into the main thread',
      severity: 'error',
      from: { path: [protocol, layout] },
      to: {
        path: '^runtime/',
        pathNot: ['^runtime/(contract|exchange)/', protocol, layout],
        dependencyTypesNot: ['type-only'],
      },
    },
    {
      name: 'contract-imports-nothing',
      severity: 'error',
      from: { path: '^runtime/contract/' },
      to: { pathNot: '^runtime/contract/' },
    },
    {
      name: 'engine-knows-no-operator',
      severity: 'error',
      from: { path: '^runtime/' },
      to: { path: '^(operators|jobs|test|bench)/' },
    },
    {
      name: 'operators-see-the-contract-only',
      comment: 'Operators talk to their host through runtime/contract: another host will run them',
      severity: 'error',
      from: { path: '^operators/', pathNot: '^operators/connectors/' },
      to: { path: '^(runtime|config|jobs|test|bench|dist)/', pathNot: '^runtime/contract/' },
    },
    {
      name: 'connectors-see-the-contract-and-aws',
      comment:
        'How AWS services are reached (region, credentials, errors) is the same for connectors, storage and metrics',
      severity: 'error',
      from: { path: '^operators/connectors/', pathNot: '^operators/connectors/dead-letter/' },
      to: { path: '^(runtime|config|jobs|test|bench|dist)/', pathNot: '^runtime/(contract|aws)/' },
    },
    {
      name: 'dead-letters-are-values-in-storage',
      comment: 'Their values survive as state does, by its codec; `runtime redrive` lays them out by the same storage',
      severity: 'error',
      from: { path: '^operators/connectors/dead-letter/' },
      to: { path: '^(runtime|config|jobs|test|bench|dist)/', pathNot: '^runtime/(contract|aws|codec|storage)/' },
    },
    {
      name: 'config-sees-the-contract-only',
      severity: 'error',
      from: { path: '^config/[^/]+\\.ts$' },
      to: { path: '^(runtime|operators|jobs|test|bench|dist)/', pathNot: '^runtime/contract/' },
    },
    {
      name: 'who-reads-config',
      severity: 'error',
      from: { path: '^runtime/[^/]+/', pathNot: `^runtime/(${readsConfig.join('|')})/` },
      to: { path: '^config/' },
    },
    {
      name: 'jobs-use-the-package',
      comment: "Jobs import 'millrace', as a user's job does",
      severity: 'error',
      from: { path: '^jobs/' },
      to: { path: '^(runtime|operators|config|test|bench)/' },
    },
    {
      name: 'sources-never-import-the-build',
      severity: 'error',
      from: { path: '^(runtime|operators|config)/' },
      to: { path: '^(dist|\\.build)/' },
    },
    {
      name: 'no-disk-or-network-below-the-edges',
      comment: 'The simulator runs these folders without either: pass it in through the contract',
      severity: 'error',
      from: {
        path: [
          '^runtime/(contract|codec|plan|exchange|state|checkpoint|task)/',
          '^operators/(api|windows|joins|process|async|dedup|formats)/',
        ],
        // LevelDB is the edge itself: other hosts pass another SpillStore.
        pathNot: '^runtime/state/level-spill\\.ts$',
      },
      to: { path: '^(node:)?(fs|net|tls|dns|dgram|http|https|http2|child_process|cluster)(/|$)' },
    },
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'no-orphans',
      severity: 'error',
      from: { orphan: true, path: '^(runtime|operators)/' },
      to: {},
    },
    { name: 'resolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
    {
      name: 'declared-dependencies',
      comment: 'The shipped code uses what package.json lists under dependencies',
      severity: 'error',
      from: { path: '^(runtime|operators|config)/.*\\.ts$' },
      to: { dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown', 'deprecated'] },
    },
  ],
  options: {
    doNotFollow: { path: ['node_modules', '^dist/'] },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['types', 'import', 'node', 'default'] },
  },
}
