/** Of every emulator. No real key has this form. */
export const ACCESS_KEY = 'testaccesskey'
export const SECRET_KEY = 'testsecretkey'
export const REGION = 'us-east-1'

/** Where each service is: an emulator, a proxy before one, or a URL. */
export type ServiceEndpoints = Partial<Record<AwsService, { readonly endpoint: string } | string>>

/** As in AWS_ENDPOINT_URL_<SERVICE>. */
export type AwsService =
  'kinesis' | 'dynamodb' | 's3' | 'sns' | 'sqs' | 'cloudwatch' | 'eventbridge' | 'firehose' | 'secrets_manager' | 'sts'

/** Environment of a child process that reaches these services and no other: nothing of this machine's own AWS settings is left. */
export function awsEnv(endpoints: ServiceEndpoints = {}): Record<string, string> {
  const env: Record<string, string> = {}
  for (const [name, value] of Object.entries(process.env)) {
    if (value !== undefined && !name.startsWith('AWS_')) env[name] = value
  }
  for (const [service, place] of Object.entries(endpoints)) {
    env[`AWS_ENDPOINT_URL_${service.toUpperCase()}`] = typeof place === 'string' ? place : place.endpoint
  }
  return { ...env, ...SETTINGS }
}

/** Settings of an SDK client in a test. */
export function clientFor(place: { readonly endpoint: string }): {
  endpoint: string
  region: string
  credentials: { accessKeyId: string; secretAccessKey: string }
} {
  process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] = 'true'
  return {
    endpoint: place.endpoint,
    region: REGION,
    credentials: { accessKeyId: ACCESS_KEY, secretAccessKey: SECRET_KEY },
  }
}

/** Sets this process's environment as `awsEnv` would set a child's; returns what puts it back. */
export function useAwsEnv(endpoints: ServiceEndpoints): () => void {
  const before = Object.entries(process.env).filter(([name]) => name.startsWith('AWS_'))
  const clear = (): void => {
    for (const name of Object.keys(process.env)) if (name.startsWith('AWS_')) delete process.env[name]
  }
  const env = Object.entries(awsEnv(endpoints)).filter(([name]) => name.startsWith('AWS_'))
  clear()
  for (const [name, value] of env) process.env[name] = value
  return () => {
    clear()
    for (const [name, value] of before) process.env[name] = value
  }
}

const SETTINGS = {
  AWS_ACCESS_KEY_ID: ACCESS_KEY,
  AWS_SECRET_ACCESS_KEY: SECRET_KEY,
  AWS_REGION: REGION,
  AWS_EC2_METADATA_DISABLED: 'true',
  AWS_CONFIG_FILE: '/nonexistent/config',
  AWS_SHARED_CREDENTIALS_FILE: '/nonexistent/credentials',
  AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
}
