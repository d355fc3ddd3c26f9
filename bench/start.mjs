// `npm run bench`: one run of one job, see run.ts.
import { runBundled } from './lib/bundle.mjs'

await runBundled('run.ts')
