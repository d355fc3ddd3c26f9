import { describe, it } from 'vitest'
import { locate, whyMissing } from '../../../config/tooling/services.mjs'

/** The emulators, and the browser; kinesis-local comes with npm, the others are installed by `npm run test:services`. */
export type EmulatorName =
  'kinesis-local' | 'ferrokinesis' | 'dynamodb-local' | 'moto' | 'ministack' | 'versitygw' | 'chromium'

/** Why an emulator cannot be started here, in a line; undefined if it can. */
export function unavailable(name: EmulatorName): string | undefined {
  return name === 'kinesis-local' ? undefined : whyMissing(name)
}

/** Whether an emulator can be started here. */
export function available(name: EmulatorName): boolean {
  return unavailable(name) === undefined
}

/** Where an installed emulator is. */
export function placeOf(name: Exclude<EmulatorName, 'kinesis-local'>): string {
  const place = locate(name)
  if (place === undefined) throw new Error(unavailable(name))
  return place
}

/** A suite that needs emulators: where one is missing, a skipped test says which and why. */
export function describeWith(names: readonly EmulatorName[], title: string, suite: () => void): void {
  const reasons = names.map(unavailable).filter((reason) => reason !== undefined)
  if (reasons.length === 0) describe(title, suite)
  else describe(title, () => it('runs against emulators', ({ skip }) => skip(reasons.join('; '))))
}
