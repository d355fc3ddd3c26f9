import { join } from 'node:path'
import { placeOf } from './availability.js'
import { type Emulator, launch } from './emulator.js'

/** Starts DynamoDB local (Java), in memory. About 7 s. Rejects where it is not installed. */
export async function startDynamoDbLocal(): Promise<Emulator> {
  const lib = join(placeOf('dynamodb-local'), 'lib')
  return launch((port) => ({
    name: 'dynamodb-local',
    command: 'java',
    args: [
      ...['-Xmx384m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', `-Djava.library.path=${lib}`, '-cp', `${lib}/*`],
      'com.amazonaws.services.dynamodbv2.local.main.ServerRunner',
      ...['-inMemory', '-sharedDb', '-port', String(port), '-disableTelemetry'],
    ],
  }))
}
