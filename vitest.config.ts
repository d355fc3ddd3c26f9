import { defineConfig } from 'vitest/config'

const withServices = process.env['MILLRACE_SERVICES'] === '1'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // These need emulators of real services, which npm alone does not bring.
    exclude: withServices ? [] : ['test/services/**'],
    globalSetup: ['config/tooling/vitest-warn-stale.mjs'],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 20_000,
    hookTimeout: 20_000,
    // `millrace` is the built package: run by Node itself, as a user's program does, with its threads' entries in dist.
    server: { deps: { external: [/\/dist\//] } },
  },
})
