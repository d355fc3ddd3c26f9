/** What a program imports that runs jobs itself: `import { submitJob } from 'millrace/runtime'`. */
export { submitJob, type SubmitOptions } from './cli/submit-job.js'
export type { JobReport, JobReportFailure, ReportStatus } from './cli/job-report.js'
export type { ErrorCode, SerializedError } from './contract/errors.js'
export type { CounterTotals } from './coordinator/draft.js'
export type { CheckpointInfo, JobEvents } from './coordinator/events.js'
export type { JobFailure } from './coordinator/job-failure.js'
