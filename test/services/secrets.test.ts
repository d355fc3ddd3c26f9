import { CreateSecretCommand, PutSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { Redactor } from '../../runtime/cli/redactor.js'
import { SecretParams } from '../../runtime/cli/secret-params.js'
import { describeWith } from './emulators/availability.js'
import { clientFor, useAwsEnv } from './emulators/aws-env.js'
import type { Emulator } from './emulators/emulator.js'
import { startMoto } from './emulators/moto.js'

describeWith(['moto'], 'parameters that name a secret', () => {
  let moto: Emulator
  let client: SecretsManagerClient
  let restoreEnv: () => void
  beforeAll(async () => {
    moto = await startMoto()
    client = new SecretsManagerClient(clientFor(moto))
    restoreEnv = useAwsEnv({ secrets_manager: moto })
  })
  afterAll(async () => {
    restoreEnv()
    client.destroy()
    await moto.stop()
  })

  it('stand for what is in Secrets Manager, by name and by ARN, and for what is there later when read again', async () => {
    const { ARN: arn = '' } = await client.send(
      new CreateSecretCommand({ Name: 'prod/search', SecretString: '{"password":"hunter2!","port":9200}' }),
    )
    const redactor = new Redactor()
    const given = {
      password: 'secret:prod/search#password',
      port: `secret:${arn}#port`,
      all: 'secret:prod/search',
    }
    const params = await SecretParams.read(given, [], redactor)
    expect(params.values).toEqual({ password: 'hunter2!', port: '9200', all: '{"password":"hunter2!","port":9200}' })
    expect(await params.readAgain(() => undefined)).toBe(false)
    await client.send(
      new PutSecretValueCommand({ SecretId: 'prod/search', SecretString: '{"password":"hunter3!","port":9200}' }),
    )
    expect(await params.readAgain(() => undefined)).toBe(true)
    expect(params.values).toMatchObject({ password: 'hunter3!', port: '9200' })
    expect(redactor.text('hunter2! hunter3!')).toBe('*** ***')
  })

  it('that is not there are refused by name', async () => {
    await expect(SecretParams.read({ token: 'secret:nowhere' }, [], new Redactor())).rejects.toMatchObject({
      code: 'MILLRACE_PARAM',
      message: 'secret "nowhere" of parameter token: does not exist in region us-east-1',
    })
  })
})
