/**
 * For tests of jobs and of their functions: `import { runInProcess, sourceOf, collectSink } from 'millrace/testing'`.
 */
export { collectSink, type Collected, type CollectSink } from './collect-sink.js'
export { controlledSource, type ControlledSource } from './controlled-source.js'
export {
  operatorHarness,
  type HarnessSnapshot,
  type OperatorHarness,
  type OperatorHarnessOptions,
} from './operator-harness.js'
export { runInProcess, type InProcessOptions, type InProcessResult } from './run-in-process.js'
export { simulation, type SeedResult, type Simulation, type SimulationOptions } from './simulator/simulate.js'
export { sourceOfShards, type Shard, type ShardSplit, type SourceOfShardsOptions } from './source-of-shards.js'
export { sourceOf, type ArraySplit, type SourceOfOptions } from './source-of.js'
