import { ACCESS_KEY, REGION } from './emulators/aws-env.js'
import type { Emulator } from './emulators/emulator.js'

/** A queue in moto, to see what a topic or a bus delivers. */
export interface Queue {
  readonly arn: string
  /** Takes everything that is in it. */
  drain(): Promise<string[]>
}

interface ReceivedMessage {
  readonly Body: string
  readonly ReceiptHandle: string
}

/** Makes a queue. moto takes requests without a true signature, so no SDK is needed. */
export async function createQueue(moto: Emulator, name: string): Promise<Queue> {
  const ask = async (operation: string, body: object): Promise<Record<string, unknown>> => {
    const response = await fetch(moto.endpoint, {
      method: 'POST',
      headers: {
        'content-type': 'application/x-amz-json-1.0',
        'x-amz-target': `AmazonSQS.${operation}`,
        authorization: `AWS4-HMAC-SHA256 Credential=${ACCESS_KEY}/20260101/${REGION}/sqs/aws4_request, SignedHeaders=host, Signature=0`,
      },
      body: JSON.stringify(body),
    })
    const text = await response.text()
    if (!response.ok) throw new Error(`${operation}: ${text}`)
    return text === '' ? {} : (JSON.parse(text) as Record<string, unknown>)
  }
  const fifo = name.endsWith('.fifo')
  const { QueueUrl } = await ask('CreateQueue', {
    QueueName: name,
    ...(fifo ? { Attributes: { FifoQueue: 'true' } } : {}),
  })
  return {
    arn: `arn:aws:sqs:${REGION}:123456789012:${name}`,
    drain: async () => {
      const bodies: string[] = []
      while (true) {
        const { Messages = [] } = await ask('ReceiveMessage', { QueueUrl, MaxNumberOfMessages: 10 })
        const messages = Messages as readonly ReceivedMessage[]
        if (messages.length === 0) return bodies
        for (const { Body, ReceiptHandle } of messages) {
          bodies.push(Body)
          await ask('DeleteMessage', { QueueUrl, ReceiptHandle })
        }
      }
    },
  }
}
