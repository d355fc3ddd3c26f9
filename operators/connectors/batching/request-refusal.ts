import { awsErrorFacts } from '../../../runtime/aws/aws-errors.js'

/** Makes `refusalOf`: an error of one of these names is about some entry of the request. */
export function requestRefusal(names: readonly string[]): (error: unknown) => string | undefined {
  return (error) => {
    const { name, message } = awsErrorFacts(error)
    return names.includes(name) ? `${name}: ${message}` : undefined
  }
}
