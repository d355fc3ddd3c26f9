import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { ConfirmSubscriptionCommand, CreateTopicCommand, SNSClient, SubscribeCommand } from '@aws-sdk/client-sns'
import { onTestFinished } from 'vitest'
import { clientFor } from './emulators/aws-env.js'

/** A topic and what its subscriber, an HTTP endpoint, has been sent. */
export interface HttpTopic {
  readonly arn: string
  readonly messages: string[]
}

/** Creates a topic with an HTTP subscriber that confirms and keeps all it is sent, until the test is over. */
export async function createHttpTopic(emulator: { readonly endpoint: string }, name: string): Promise<HttpTopic> {
  const client = new SNSClient(clientFor(emulator))
  const { TopicArn: arn = '' } = await client.send(new CreateTopicCommand({ Name: name }))
  const messages: string[] = []
  let confirmed = (): void => undefined
  const whenConfirmed = new Promise<void>((resolve) => {
    confirmed = resolve
  })
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      response.end()
      const sent = JSON.parse(Buffer.concat(chunks).toString()) as { Type: string; Token: string; Message: string }
      if (sent.Type === 'Notification') messages.push(sent.Message)
      else void client.send(new ConfirmSubscriptionCommand({ TopicArn: arn, Token: sent.Token })).then(confirmed)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  await client.send(
    new SubscribeCommand({ TopicArn: arn, Protocol: 'http', Endpoint: `http://127.0.0.1:${port}/alerts` }),
  )
  await whenConfirmed
  return { arn, messages }
}
