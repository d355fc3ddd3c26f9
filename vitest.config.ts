import { defineConfig } from 'vitest/config'

// Set by `npm run test:services`: the tests against emulators of real services, which npm alone does not bring.
const services = process.env['MILLRACE_SERVICES'] === '1'

export default defineConfig({
  test: {
    include: [services ? 'test/services/**/*.test.ts' : 'test/**/*.test.ts'],
    exclude: services ? [] : ['test/services/**'],
    globalSetup: ['config/tooling/vitest-warn-stale.mjs'],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: services ? 60_000 : 20_000,
    hookTimeout: services ? 60_000 : 20_000,
    // `millrace` is the built package: run by Node itself, as a user's program does, with its threads' entries in dist.
    server: { deps: { external: [/\/dist\//] } },
  },
})
