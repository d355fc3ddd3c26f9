import type { MetricDatum } from '@aws-sdk/client-cloudwatch'
import { clientSettings, type AwsOptions } from '../aws/client-settings.js'

/** The calls of CloudWatch that Millrace makes. */
export interface CloudWatchCalls {
  readonly region: string
  putMetricData(namespace: string, data: readonly MetricDatum[], signal: AbortSignal): Promise<void>
  /** Resolves with what CloudWatch has to say against the dashboard, a line each. */
  putDashboard(name: string, body: string): Promise<readonly string[]>
  close(): void
}

/** Loads the SDK and makes a client. MILLRACE_USAGE if no region is known; nothing is sent yet. */
export async function openCloudWatch(options: AwsOptions = {}): Promise<CloudWatchCalls> {
  const settings = await clientSettings(options)
  const { CloudWatchClient, PutMetricDataCommand, PutDashboardCommand } = await import('@aws-sdk/client-cloudwatch')
  const client = new CloudWatchClient(settings)
  return {
    region: settings.region,
    async putMetricData(namespace, data, abortSignal) {
      await client.send(new PutMetricDataCommand({ Namespace: namespace, MetricData: [...data] }), { abortSignal })
    },
    async putDashboard(name, body) {
      const command = new PutDashboardCommand({ DashboardName: name, DashboardBody: body })
      const { DashboardValidationMessages = [] } = await client.send(command)
      return DashboardValidationMessages.map(({ DataPath = '', Message = '' }) => `${DataPath}: ${Message}`)
    },
    close: () => client.destroy(),
  }
}
