import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { fanOut, type FanOutOptions } from '../../../operators/connectors/kinesis/fan-out.js'
import type { ConsumerRegistration } from '../../../operators/connectors/kinesis/shard-reader.js'
import type { Ending } from '../../../runtime/contract/source.js'
import { useAwsEnv } from '../../services/emulators/aws-env.js'
import { FanOutWorld, STREAM_ARN } from './fan-out-world.js'
import { type KinesisScript, Refusal, type ScriptedKinesis, startScriptedKinesis } from './scripted-kinesis.js'

/** The consumers of one stream: a registered one is CREATING for two looks at it. */
class Consumers {
  readonly looks = new Map<string, number>()
  readonly script: KinesisScript = {
    subscribe: () => undefined,
    operations: {
      DescribeStreamSummary: () => ({ StreamDescriptionSummary: { StreamARN: STREAM_ARN, StreamStatus: 'ACTIVE' } }),
      DescribeStreamConsumer: ({ ConsumerName }) => {
        const looks = this.looks.get(String(ConsumerName))
        if (looks === undefined) throw new Refusal('ResourceNotFoundException')
        this.looks.set(String(ConsumerName), looks + 1)
        const ConsumerStatus = looks < 2 ? 'CREATING' : 'ACTIVE'
        return {
          ConsumerDescription: { ConsumerARN: `${STREAM_ARN}/consumer/${String(ConsumerName)}:1`, ConsumerStatus },
        }
      },
      RegisterStreamConsumer: ({ ConsumerName, StreamARN }) => {
        if (StreamARN !== STREAM_ARN) throw new Refusal('ResourceNotFoundException')
        if (this.looks.has(String(ConsumerName))) throw new Refusal('ResourceInUseException')
        this.looks.set(String(ConsumerName), 0)
        return { Consumer: {} }
      },
      DeregisterStreamConsumer: ({ ConsumerName }) => {
        if (!this.looks.delete(String(ConsumerName))) throw new Refusal('ResourceNotFoundException')
        return {}
      },
    },
  }
}

let server: ScriptedKinesis
let consumers: Consumers
let world: FanOutWorld
let restoreEnv = (): void => undefined
const OWN_NAME = /^millrace-windTurbine-readings-[0-9a-f]{8}$/

beforeEach(async () => {
  restoreEnv = useAwsEnv({})
  consumers = new Consumers()
  await serve(consumers.script)
})
afterEach(async () => {
  restoreEnv()
  await server.stop()
})

async function serve(script: KinesisScript): Promise<void> {
  await (server as ScriptedKinesis | undefined)?.stop()
  server = await startScriptedKinesis(script)
  world = new FanOutWorld(server.endpoint, { name: 'turbines' })
}

function register(options: FanOutOptions = {}): ConsumerRegistration {
  return fanOut(options).register!(world.consuming)
}

describe('a consumer of the job', () => {
  it('is registered where it is missing, and awaited until it is ACTIVE', async () => {
    await register().ready()
    const [[name, looks] = []] = consumers.looks
    expect(name).toMatch(OWN_NAME)
    expect(looks).toBe(3)
  })

  it('has the name that it is given', async () => {
    await register({ consumerName: 'alerts' }).ready()
    expect([...consumers.looks.keys()]).toEqual(['alerts'])
  })

  it('has the same name in the next attempt, which registers nothing', async () => {
    const first = register()
    await first.ready()
    await first.close('restart')
    await register().ready()
    expect(server.calls.filter((call) => call === 'RegisterStreamConsumer')).toHaveLength(1)
    expect(consumers.looks.size).toBe(1)
  })

  it.each<[Ending, number]>([
    ['finished', 0],
    ['canceled', 0],
    ['restart', 1],
    ['suspended', 1],
    ['failed', 1],
  ])('when the job is %s leaves %i registered', async (ending, left) => {
    const registration = register()
    await registration.ready()
    await registration.close(ending)
    expect(consumers.looks.size).toBe(left)
    expect(world.warnings).toEqual([])
  })

  it('that is gone already when the job has finished is no reason to warn', async () => {
    const registration = register()
    await registration.ready()
    consumers.looks.clear()
    await registration.close('finished')
    expect(world.warnings).toEqual([])
  })

  it('that cannot be deregistered is warned of: it costs money', async () => {
    const { operations } = consumers.script
    const DeregisterStreamConsumer = (): never => {
      throw new Refusal('AccessDeniedException')
    }
    await serve({ ...consumers.script, operations: { ...operations, DeregisterStreamConsumer } })
    const registration = register({ consumerName: 'alerts' })
    await registration.ready()
    await registration.close('canceled')
    expect(world.warnings).toEqual([
      expect.stringMatching(/left registered.*consumer "alerts" of Kinesis stream "turbines"/),
    ])
  })

  it('is registered through throttling and outages', async () => {
    let refusals = 0
    const { operations } = consumers.script
    const RegisterStreamConsumer = (request: Record<string, unknown>): unknown => {
      if (refusals++ === 0) throw new Refusal('LimitExceededException')
      if (refusals === 2) throw new Refusal('InternalFailure', 500)
      return operations!['RegisterStreamConsumer']!(request)
    }
    await serve({ ...consumers.script, operations: { ...operations, RegisterStreamConsumer } })
    await register().ready()
    expect(consumers.looks.size).toBe(1)
  })

  it('that does not become ACTIVE in time is a clear error', async () => {
    const { operations } = consumers.script
    const DescribeStreamConsumer = () => ({ ConsumerDescription: { ConsumerARN: 'a', ConsumerStatus: 'CREATING' } })
    await serve({ ...consumers.script, operations: { ...operations, DescribeStreamConsumer } })
    await expect(register({ consumerName: 'slow', registerTimeoutMs: 50 }).ready()).rejects.toMatchObject({
      code: 'MILLRACE_INPUT',
      message: 'consumer "slow" of Kinesis stream "turbines": not ACTIVE but CREATING',
    })
  })

  it('that may not be registered is a clear error, which names the permission', async () => {
    const { operations } = consumers.script
    const RegisterStreamConsumer = (): never => {
      throw new Refusal('AccessDeniedException')
    }
    await serve({ ...consumers.script, operations: { ...operations, RegisterStreamConsumer } })
    await expect(register({ consumerName: 'mine' }).ready()).rejects.toMatchObject({
      message: expect.stringContaining('consumer "mine" of Kinesis stream "turbines": access denied'),
      hint: expect.stringContaining('kinesis:RegisterStreamConsumer'),
    })
  })
})

describe("a consumer of the user's own", () => {
  const own: FanOutOptions = { lifecycle: 'self', consumerName: 'ours' }

  it('is awaited, and neither registered nor deregistered', async () => {
    consumers.looks.set('ours', 0)
    const registration = register(own)
    await registration.ready()
    await registration.close('finished')
    expect(consumers.looks.has('ours')).toBe(true)
    expect(new Set(server.calls)).toEqual(new Set(['DescribeStreamSummary', 'DescribeStreamConsumer']))
  })

  it('that is not there is found by the check before the job runs', async () => {
    const patience = { clock: world.clock, random: () => 0, attempts: 1 }
    await expect(fanOut(own).check?.(world.stream, patience, { jobId: 'j', uid: 'u' })).rejects.toMatchObject({
      code: 'MILLRACE_INPUT',
      message: 'consumer "ours" of Kinesis stream "turbines": is not registered',
    })
    await expect(register(own).ready()).rejects.toThrow('is not registered')
  })
})

it('consumer names fit the service, and differ between jobs and between sources', async () => {
  const { consumerNameFor } = await import('../../../operators/connectors/kinesis/consumer-name.js')
  const names = [
    ['a', 'b-c'],
    ['a-b', 'c'],
    ['täglich', 'ß'],
    ['täglich', 'ä'],
    ['j'.repeat(200), 'u'],
    ['j'.repeat(200), 'v'],
  ].map(([jobId, uid]) => consumerNameFor(jobId!, uid!))
  for (const name of names) expect(name).toMatch(/^[a-zA-Z0-9_.-]{1,128}$/)
  expect(new Set(names).size).toBe(names.length)
})
