import { MillraceError, type GeneratorFactory, type RawRecord, type Source } from 'millrace'
import { datagenLines } from 'millrace/connectors/datagen'
import { changeLine } from './turbine-changes.js'

/** What the simulator is told; what is left out has a default. */
export interface SimulatorOptions {
  /** How many turbines there are. */
  readonly turbines: number | undefined
  /** Miles an hour, whole. */
  readonly minSpeed: number | undefined
  readonly maxSpeed: number | undefined
  /** How many change records there are in all. */
  readonly values: number | undefined
  /** Other seeds, other records. */
  readonly seed: number | undefined
  /** Change records a second; 0: as fast as they are taken. */
  readonly rate: number | undefined
}

/** A wind farm that stores its readings in a DynamoDB table: the changes of that table, the same ones every time. */
export function turbineSimulator(options: SimulatorOptions): GeneratorFactory {
  return ({ text, query }) => {
    if (Object.keys(query).length === 0) return simulator(options)
    throw new MillraceError('MILLRACE_PARAM', `${text}: takes no options behind a ?`, {
      hint: 'give them as parameters: --param turbines=20',
    })
  }
}

function simulator(options: SimulatorOptions): Source<RawRecord> {
  const { turbines = 20, minSpeed = 30, maxSpeed = 90, values = 18_000, seed = 1, rate = 4_500 } = options
  if (minSpeed > maxSpeed) {
    throw new MillraceError('MILLRACE_PARAM', `minSpeed (${minSpeed}) is above maxSpeed (${maxSpeed})`, {
      hint: 'give a range: --param minSpeed=30 --param maxSpeed=90',
    })
  }
  return datagenLines({
    name: `turbines of ${turbines}, ${minSpeed} to ${maxSpeed}`,
    count: values,
    seed,
    line: (index) => changeLine(index, { turbines, minSpeed, maxSpeed, seed }),
    ...(rate === 0 ? {} : { ratePerSecond: rate }),
  })
}

/** MILLRACE_PARAM if the simulator is told something and another input is read. */
export function refuseSimulatorOptions(options: SimulatorOptions): void {
  const given = Object.entries(options).find(([, value]) => value !== undefined)
  if (given === undefined) return
  throw new MillraceError('MILLRACE_PARAM', `parameter ${given[0]} is for input=datagen:turbines`, {
    hint: 'leave it out, or leave out input',
  })
}
