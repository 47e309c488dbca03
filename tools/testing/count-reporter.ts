import { writeFileSync } from 'node:fs'
import type { Reporter, TestModule } from 'vitest/node'

/**
 * Ends a run with `N passed, N failed`; with HYPERNETES_COUNTS it also writes `{"passed", "failed", "skipped"}` to
 * that file for `npm test` to add up. A file that could not be loaded counts as one failure.
 */
export default class CountReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    const counts = { passed: 0, failed: unhandledErrors.length, skipped: 0 }
    for (const testModule of modules) {
      const tests = [...testModule.children.allTests()]
      for (const test of tests) {
        const { state } = test.result()
        counts[state === 'passed' || state === 'failed' ? state : 'skipped'] += 1
      }
      if (!testModule.ok() && !tests.some((test) => test.result().state === 'failed')) counts.failed += 1
    }
    if (process.env.HYPERNETES_COUNTS) writeFileSync(process.env.HYPERNETES_COUNTS, JSON.stringify(counts))
    process.once('exit', () => console.log(`${counts.passed} passed, ${counts.failed} failed${counts.skipped ? `, ${counts.skipped} skipped` : ''}`))
  }
}
