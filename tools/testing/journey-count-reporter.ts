import { writeFileSync } from 'node:fs'
import { stripVTControlCharacters } from 'node:util'
import type { Reporter, TestCase, TestError, TestResult } from '@playwright/test/reporter'
import { NEVER } from './never'

const titleOf = (test: TestCase): string => test.titlePath().filter(Boolean).join(' › ')

/** As count-reporter.ts, for Playwright's journeys. It writes after each of them: a run that is ended for want of time, with no chance to say more, has named by then what failed, and what was under way. */
export default class JourneyCountReporter implements Reporter {
  private readonly outcomes = new Map<string, 'passed' | 'failed' | 'skipped'>()
  private readonly failures = new Map<string, string>()
  /** Journeys that failed and then passed, with what they failed on. */
  private readonly unsteady = new Map<string, string>()
  private errors = 0
  private underWay: TestCase | null = null

  onTestBegin(test: TestCase): void {
    this.underWay = test
    this.write()
  }

  onTestEnd(test: TestCase, result: TestResult): void {
    const failed = result.status !== 'skipped' && result.status !== test.expectedStatus
    const before = this.failures.get(test.id)
    if (!failed && before && !before.includes(NEVER)) {
      this.failures.delete(test.id)
      this.unsteady.set(test.id, before)
    }
    if (failed) this.failures.set(test.id, `${titleOf(test)}\n${stripVTControlCharacters(result.error?.message ?? '').trim().slice(0, 600)}`)
    this.outcomes.set(test.id, result.status === 'skipped' ? 'skipped' : test.ok() && !this.failures.has(test.id) ? 'passed' : 'failed')
    this.underWay = null
    this.write()
  }

  /** Outside of any test: a file that does not load. */
  onError(error: TestError): void {
    this.errors += 1
    this.failures.set(`error ${this.errors}`, `outside of any journey: ${stripVTControlCharacters(error.message ?? '').trim().slice(0, 600)}`)
  }

  onEnd(): void {
    this.underWay = null
    const counts = this.write()
    console.log(`${counts.passed} passed, ${counts.failed} failed${counts.skipped ? `, ${counts.skipped} skipped` : ''}`)
  }

  private write(): { passed: number; failed: number; skipped: number } {
    const count = (outcome: string) => [...this.outcomes.entries()].filter(([id, value]) => value === outcome && id !== this.underWay?.id).length
    const counts = { passed: count('passed'), failed: count('failed') + this.errors + (this.underWay ? 1 : 0), skipped: count('skipped') }
    const failures = [...this.failures.values(), ...(this.underWay ? [`${titleOf(this.underWay)}\nwas under way when the run ended`] : [])]
    if (process.env.HYPERNETES_COUNTS) writeFileSync(process.env.HYPERNETES_COUNTS, JSON.stringify({ ...counts, failures, unsteady: [...this.unsteady.values()] }))
    return counts
  }
}
