import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type AttributeValue, CreateTableCommand, DynamoDBClient, paginateScan } from '@aws-sdk/client-dynamodb'
import { type BrowserContext, chromium, type Page } from 'playwright-core'
import { afterAll, beforeAll, beforeEach, expect, it, onTestFinished } from 'vitest'
import { describeWith, placeOf } from './emulators/availability.js'
import { awsEnv, clientFor } from './emulators/aws-env.js'
import type { Emulator } from './emulators/emulator.js'
import { startMinistack } from './emulators/ministack.js'
import { startNode, type RunningProgram } from './support-process.js'

const START = fileURLToPath(new URL('../../jobs/turbine-simulator/start.mjs', import.meta.url))
const TABLE = 'windspeed-simulated'
const FLAGS = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run']
const QUIET = ['--disable-background-networking', '--disable-component-update', '--disable-sync']

describeWith(['ministack', 'chromium'], 'the turbine simulator in a browser', () => {
  let ministack: Emulator
  let dynamoDb: DynamoDBClient
  let browser: BrowserContext
  let profile: string

  beforeAll(async () => {
    ministack = await startMinistack()
    dynamoDb = new DynamoDBClient(clientFor(ministack))
    await dynamoDb.send(
      new CreateTableCommand({
        TableName: TABLE,
        KeySchema: [{ AttributeName: 'id', KeyType: 'HASH' }],
        AttributeDefinitions: [{ AttributeName: 'id', AttributeType: 'S' }],
        BillingMode: 'PAY_PER_REQUEST',
      }),
    )
    profile = await mkdtemp(join(tmpdir(), 'millrace-chromium-'))
    browser = await chromium.launchPersistentContext(profile, {
      executablePath: placeOf('chromium'),
      args: [...FLAGS, ...QUIET],
      viewport: { width: 1280, height: 800 },
    })
  })
  afterAll(async () => {
    await browser?.close()
    await ministack?.stop()
    if (profile !== undefined) await rm(profile, { recursive: true, force: true })
  })

  let program: RunningProgram
  let page: Page
  /** What the page asked for beyond the simulator, and what went wrong in it. */
  let strange: string[]

  beforeEach(async () => {
    program = startNode([START, '--table', TABLE, '--port', '0'], awsEnv({ dynamodb: ministack }))
    const [, url = ''] = await program.says(/(http:\S+\/)/)
    strange = []
    page = await browser.newPage()
    onTestFinished(() => page.close())
    page.on('request', (request) => {
      if (!request.url().startsWith(url) && !request.url().startsWith('data:')) strange.push(request.url())
    })
    page.on('pageerror', (error) => strange.push(String(error)))
    page.on('console', (message) => {
      if (message.type() === 'error') strange.push(message.text())
    })
    await page.goto(url)
    await page.getByText(TABLE).waitFor()
  })

  const fill = async (fields: Readonly<Record<string, number>>): Promise<void> => {
    for (const [label, value] of Object.entries(fields)) await page.getByLabel(label).fill(String(value))
  }
  const start = () => page.getByRole('button', { name: 'Generate data' }).click()

  it('writes what was asked for to the table, and charts it live', async () => {
    await fill({
      Turbines: 4,
      'Least speed': 55,
      'Greatest speed': 75,
      'Number of values': 203,
      'Values a second': 100,
    })
    await start()
    // Live: the chart has some before the table has all.
    await expect.poll(() => chartedSpeeds(page).then((all) => all.length)).toBeGreaterThan(0)
    expect((await chartedSpeeds(page)).length).toBeLessThan(203)
    await page.getByText('Done: 203 of 203 values are in the table.').waitFor()
    await expect.poll(() => chartedSpeeds(page).then((all) => all.length)).toBe(203)

    const items = await scan(dynamoDb)
    expect(items).toHaveLength(203)
    expect(new Set(items.map((item) => item['deviceID']?.S))).toEqual(
      new Set(['turbine-1', 'turbine-2', 'turbine-3', 'turbine-4']),
    )
    const speeds = items.map((item) => Number(item['value']?.N))
    for (const speed of speeds) expect([speed >= 55, speed <= 75, Number.isInteger(speed)]).toEqual([true, true, true])
    expect(items.every((item) => Math.abs(Date.parse(item['createdAt']?.S ?? '') - Date.now()) < 60_000)).toBe(true)
    expect((await chartedSpeeds(page)).sort()).toEqual(speeds.sort())
    expect(await inked(page)).toBe(true)
    await expect.poll(() => page.locator('#written').textContent()).toBe('203')
    const mean = speeds.reduce((sum, speed) => sum + speed, 0) / speeds.length
    expect(Number(await page.locator('#mean').textContent())).toBeCloseTo(mean, 1)
    expect(strange).toEqual([])
  })

  it('stops when told to, and can be started again', async () => {
    const before = (await scan(dynamoDb)).length
    await fill({ 'Number of values': 100_000, 'Values a second': 50 })
    await start()
    await expect.poll(() => page.locator('#written').textContent()).not.toBe('0')
    await page.getByRole('button', { name: 'Stop' }).click()
    const said = await page.getByText(/^Stopped after \d+ of 100,000 values/).textContent()
    const written = Number(/after (\d+)/.exec(said ?? '')?.[1])
    expect((await scan(dynamoDb)).length).toBe(before + written)
    await fill({ 'Number of values': 10 })
    await start()
    await page.getByText('Done: 10 of 10 values').waitFor()
    expect(strange).toEqual([])
  })

  it('goes on where it stands when the page is loaded again', async () => {
    await fill({ Turbines: 3, 'Number of values': 100_000, 'Values a second': 100 })
    await start()
    await expect.poll(() => chartedSpeeds(page).then((all) => all.length)).toBeGreaterThan(50)
    // Each second has one label, however close the ticks are.
    const labels = await tickLabels(page)
    expect(labels.length).toBeGreaterThan(0)
    expect(new Set(labels).size).toBe(labels.length)
    await page.reload()
    await expect.poll(() => chartedSpeeds(page).then((all) => all.length)).toBeGreaterThan(50)
    expect(await page.getByLabel('Turbines').inputValue()).toBe('3')
    expect(await page.getByLabel('Number of values').inputValue()).toBe('100000')
    await page.getByRole('button', { name: 'Stop' }).click()
    const said = await page.getByText(/^Stopped after [\d,]+ of 100,000 values/).textContent()
    const written = Number(/after ([\d,]+)/.exec(said ?? '')?.[1]?.replaceAll(',', ''))
    await expect.poll(() => chartedSpeeds(page).then((all) => all.length)).toBe(written)
    expect(strange).toEqual([])
  })

  it('refuses what makes no sense, and says so', async () => {
    await fill({ 'Least speed': 80, 'Greatest speed': 70 })
    await start()
    await page.getByText('The least speed is above the greatest').waitFor()
    await fill({ 'Least speed': -5 })
    await start()
    expect(
      await page.getByLabel('Least speed').evaluate((input) => (input as unknown as ValidInput).validity.valid),
    ).toBe(false)
    expect(await page.getByRole('button', { name: 'Stop' }).isDisabled()).toBe(true)
    expect(strange).toEqual([])
  })

  it('shows what goes wrong with the table', async () => {
    const other = startNode([START, '--table', 'no-such-table', '--port', '0'], awsEnv({ dynamodb: ministack }))
    expect((await other.ended).code).toBe(1)
    expect(other.output()).toBe('DynamoDB table no-such-table: does not exist. Create it with partition key id (S)\n')
  })

  it('ends at a signal, a page open or not', async () => {
    program.kill('SIGTERM')
    expect(await program.ended).toEqual({ code: 0, signal: null })
    await page.getByText('The simulator does not answer').waitFor()
  })
})

interface ValidInput {
  readonly validity: { readonly valid: boolean }
}

async function scan(client: DynamoDBClient): Promise<Record<string, AttributeValue>[]> {
  const items: Record<string, AttributeValue>[] = []
  for await (const answer of paginateScan({ client }, { TableName: TABLE })) items.push(...(answer.Items ?? []))
  return items
}

/** The speeds that the chart shows, the threshold's line left out. */
async function chartedSpeeds(page: Page): Promise<number[]> {
  return page.evaluate(() => {
    const { Chart } = globalThis as unknown as { Chart: { getChart(id: string): { data: { datasets: Line[] } } } }
    interface Line {
      readonly label: string
      readonly data: readonly { readonly y: number }[]
    }
    const lines = Chart.getChart('chart').data.datasets.filter(({ label }) => label.startsWith('turbine-'))
    return lines.flatMap(({ data }) => data.map(({ y }) => y))
  })
}

/** The texts below the chart. */
async function tickLabels(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    interface Scaled {
      readonly scales: { readonly x: { readonly ticks: readonly { readonly label?: string }[] } }
    }
    const { Chart } = globalThis as unknown as { Chart: { getChart(id: string): Scaled } }
    return Chart.getChart('chart').scales.x.ticks.flatMap(({ label }) => label ?? [])
  })
}

/** Whether something is drawn on the canvas. */
async function inked(page: Page): Promise<boolean> {
  return page.evaluate<boolean>(`
    const canvas = document.getElementById('chart')
    canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data.some((byte) => byte !== 0)
  `)
}
