/** How the tests stand, in numbers. What fails outside a test (a file that does not load, a hook, a stray rejection) counts as failed. */
export function emptyCounts() {
  return { passed: 0, failed: 0, skipped: 0 }
}

/** A vitest reporter that sends the counts to the parent process after each file, so that they survive a crash of vitest. */
export default class CountsReporter {
  #counts = emptyCounts()

  onTestModuleEnd(module) {
    const counts = emptyCounts()
    for (const test of module.children.allTests()) {
      const { state } = test.result()
      if (state === 'passed') counts.passed++
      else if (state === 'failed') counts.failed++
      else counts.skipped++
    }
    const suites = [module, ...module.children.allSuites()]
    counts.failed += suites.filter((suite) => suite.errors().length > 0).length
    // A file may also fail without leaving an error on any suite.
    if (!module.ok() && counts.failed === 0) counts.failed = 1
    for (const key of Object.keys(counts)) this.#counts[key] += counts[key]
    this.#send()
  }

  onTestRunEnd(_modules, unhandledErrors) {
    this.#counts.failed += unhandledErrors.length
    this.#send()
  }

  #send() {
    process.send?.(this.#counts)
  }
}
