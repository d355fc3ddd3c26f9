// `npm run bench:recovery`: see main.ts.
import { runBundled } from '../lib/bundle.mjs'

await runBundled('recovery/main.ts')
