import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { placeOf } from './availability.js'
import { type Emulator, launch } from './emulator.js'
import { ACCESS_KEY, SECRET_KEY } from './aws-env.js'

/** Starts versitygw: S3 over a folder of its own, with the credentials of `awsEnv`. About 0.3 s. Rejects where its binary is missing. */
export async function startVersitygw(): Promise<Emulator> {
  const command = placeOf('versitygw')
  const folder = await mkdtemp(join(tmpdir(), 'millrace-versitygw-'))
  const emulator = await launch((port) => ({
    name: 'versitygw',
    command,
    args: ['--port', `127.0.0.1:${port}`, 'posix', folder],
    env: { ROOT_ACCESS_KEY: ACCESS_KEY, ROOT_SECRET_KEY: SECRET_KEY },
  }))
  const stop = emulator.stop.bind(emulator)
  return Object.assign(emulator, {
    stop: async () => {
      await stop()
      await rm(folder, { recursive: true, force: true })
    },
  })
}
