import { writeFileSync } from 'node:fs'
import type { Reporter, TestCase, TestError, TestResult } from '@playwright/test/reporter'

/** As count-reporter.ts, for Playwright's journeys. */
export default class JourneyCountReporter implements Reporter {
  private readonly outcomes = new Map<string, 'passed' | 'failed' | 'skipped'>()
  private errors = 0

  onTestEnd(test: TestCase, result: TestResult): void {
    this.outcomes.set(test.id, result.status === 'skipped' ? 'skipped' : test.ok() ? 'passed' : 'failed')
  }

  /** Outside of any test: a file that does not load. */
  onError(_error: TestError): void {
    this.errors += 1
  }

  onEnd(): void {
    const count = (outcome: string) => [...this.outcomes.values()].filter((value) => value === outcome).length
    const counts = { passed: count('passed'), failed: count('failed') + this.errors, skipped: count('skipped') }
    if (process.env.HYPERNETES_COUNTS) writeFileSync(process.env.HYPERNETES_COUNTS, JSON.stringify(counts))
    console.log(`${counts.passed} passed, ${counts.failed} failed${counts.skipped ? `, ${counts.skipped} skipped` : ''}`)
  }
}
