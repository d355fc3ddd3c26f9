import { expect, it } from 'vitest'
import { runKilled, wantedKills } from './killed-world.js'

const { count, seed, timeout } = wantedKills()

it(`a job killed ${count} times, in every way, comes to the output of an undisturbed run`, { timeout }, async () => {
  expect(await runKilled(count, seed)).toEqual([])
})
