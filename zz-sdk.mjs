import * as K from '@aws-sdk/client-kinesis'
import { Readable } from 'node:stream'
import { HttpResponse } from '@smithy/core/protocols'
const line = JSON.stringify({ turbineID: 'turbine-17', time: 1800000000000, speed: 61.25, site: 'north', status: 'ok' })
const body = Buffer.from(JSON.stringify({ MillisBehindLatest: 5, NextShardIterator: 'x', Records: Array.from({length: 10000}, (_, i) => ({ SequenceNumber: String(49680413975222164698162415001894020676411514000861298690n + BigInt(i)), PartitionKey: 'turbine-17', Data: Buffer.from(line).toString('base64'), ApproximateArrivalTimestamp: 1800000000.123 })) }))
const handler = { metadata: {handlerProtocol:'http/1.1'}, async handle() { return { response: new HttpResponse({ statusCode: 200, headers: { 'content-type': 'application/x-amz-json-1.1' }, body: Readable.from([body]) }) } }, destroy(){}, updateHttpClientConfig(){}, httpHandlerConfigs(){return {}} }
const n0=()=>{}
for (const [name, extra] of [['default logger',{}],['without info',{logger:{debug:n0,trace:n0,warn:n0,error:n0}}]]) {
const c = new K.KinesisClient({ region: 'us-east-1', endpoint: 'http://127.0.0.1:1', credentials: { accessKeyId: 'a', secretAccessKey: 'b' }, maxAttempts: 1, requestHandler: handler, ...extra })
for (let i=0;i<5;i++) await c.send(new K.GetRecordsCommand({ ShardIterator: 'x' }))
const b = process.cpuUsage(); let n=0
for (let i=0;i<30;i++) n += (await c.send(new K.GetRecordsCommand({ ShardIterator: 'x' }))).Records.length
const u = process.cpuUsage(b); console.log(name, Math.round(n/((u.user+u.system)/1e6)/1000), 'k records per CPU-second') }
