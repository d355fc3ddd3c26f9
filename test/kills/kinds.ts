// Every way in which a job is killed here. A process dies by kill -9; a thread ends, fills its memory or never comes back.
import { startCli } from '../cli/run-cli.js'
import { aWhile, type Kind } from './campaign.js'

const processes: readonly Kind[] = [
  {
    name: 'the process, at any moment from its start on',
    async strike(victim) {
      victim.submitted()
      await aWhile(victim, 1500)
      await victim.kill()
    },
  },
  {
    name: 'the process, between two checkpoints',
    async strike(victim) {
      await victim.running()
      await aWhile(victim, 80)
      await victim.kill()
    },
  },
  ...(['flush', 'before-commit', 'within-commit', 'after-commit'] as const).map((stop): Kind => ({
    name: `the process, during a checkpoint: ${stop}`,
    async strike(victim) {
      await victim.running()
      victim.world.set(stop)
      await victim.killAt(stop)
    },
  })),
  ...(['recover', 'create-writer'] as const).map((stop): Kind => ({
    name: `the process, while it restores: ${stop}`,
    async strike(victim) {
      await victim.end()
      victim.world.set(stop)
      await victim.killAt(stop)
    },
  })),
  {
    name: 'the process, while the job is rescaled',
    async strike(victim) {
      await victim.running()
      victim.world.set('create-writer')
      const rescale = (): ReturnType<typeof startCli> =>
        startCli(victim.world.folder, ['rescale', 'counted', '--parallelism', String(victim.random.between(5, 6))])
      const { ended } = rescale()
      await victim.killAt('create-writer')
      await ended
    },
  },
]

const threads: readonly Kind[] = [
  ...['throw', 'exit', 'memory'].map((fault): Kind => ({
    name: `a thread: ${fault}`,
    async strike(victim) {
      await victim.running()
      await victim.fail(fault)
      await victim.running()
    },
  })),
  {
    name: 'a thread, and another while it restores',
    async strike(victim) {
      await victim.running()
      victim.world.order('exit-restoring')
      await victim.fail('exit')
      await victim.fail('exit-restoring')
      await victim.running()
    },
  },
]

const both: readonly Kind[] = [
  {
    name: 'a thread, then the process while the job restores',
    async strike(victim) {
      await victim.running()
      victim.world.set('create-writer')
      await victim.fail('exit')
      await victim.killAt('create-writer')
    },
  },
  {
    name: 'a thread in an endless loop, then the process',
    async strike(victim) {
      await victim.running()
      await victim.fail('loop')
      await aWhile(victim, 300)
      await victim.kill()
    },
  },
  {
    name: 'a thread while output is being published, then the process',
    async strike(victim) {
      await victim.running()
      victim.world.set('within-commit')
      await victim.submitted().until(() => victim.world.hasReached('within-commit'))
      await victim.fail('exit')
      await victim.killAt('within-commit')
    },
  },
]

/** All kinds of kills. */
export const kinds: readonly Kind[] = [...processes, ...threads, ...both]
