import { writeFileSync } from 'node:fs'
import { stripVTControlCharacters } from 'node:util'
import type { Reporter, TestCase, TestError, TestResult } from '@playwright/test/reporter'
import { NEVER } from './never'

/** As count-reporter.ts, for Playwright's journeys. */
export default class JourneyCountReporter implements Reporter {
  private readonly outcomes = new Map<string, 'passed' | 'failed' | 'skipped'>()
  private readonly failures = new Map<string, string>()
  /** Journeys that failed and then passed, with what they failed on. */
  private readonly unsteady = new Map<string, string>()
  private errors = 0

  onTestEnd(test: TestCase, result: TestResult): void {
    const failed = result.status !== 'skipped' && result.status !== test.expectedStatus
    const before = this.failures.get(test.id)
    if (!failed && before && !before.includes(NEVER)) {
      this.failures.delete(test.id)
      this.unsteady.set(test.id, before)
    }
    if (failed) this.failures.set(test.id, `${test.titlePath().filter(Boolean).join(' › ')}\n${stripVTControlCharacters(result.error?.message ?? '').trim().slice(0, 600)}`)
    this.outcomes.set(test.id, result.status === 'skipped' ? 'skipped' : test.ok() && !this.failures.has(test.id) ? 'passed' : 'failed')
  }

  /** Outside of any test: a file that does not load. */
  onError(error: TestError): void {
    this.errors += 1
    this.failures.set(`error ${this.errors}`, `outside of any journey: ${stripVTControlCharacters(error.message ?? '').trim().slice(0, 600)}`)
  }

  onEnd(): void {
    const count = (outcome: string) => [...this.outcomes.values()].filter((value) => value === outcome).length
    const counts = { passed: count('passed'), failed: count('failed') + this.errors, skipped: count('skipped') }
    if (process.env.HYPERNETES_COUNTS) writeFileSync(process.env.HYPERNETES_COUNTS, JSON.stringify({ ...counts, failures: [...this.failures.values()], unsteady: [...this.unsteady.values()] }))
    console.log(`${counts.passed} passed, ${counts.failed} failed${counts.skipped ? `, ${counts.skipped} skipped` : ''}`)
  }
}
