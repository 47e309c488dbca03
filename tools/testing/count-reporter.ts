import { writeFileSync } from 'node:fs'
import { relative } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import type { Reporter, TestModule } from 'vitest/node'
import { NEVER } from './never'

/** The beginning of what a test failed on: enough to know it again where the rest went by long ago. */
const brief = (text: string | undefined): string => stripVTControlCharacters(text ?? '').trim().slice(0, 600)

const wordsOf = (error: unknown): string => (error instanceof Error ? error.stack ?? error.message : String((error as { message?: unknown } | null)?.message ?? error))

/**
 * Ends a run with `N passed, N failed`; with HYPERNETES_COUNTS it also writes `{"passed", "failed", "skipped",
 * "failures": [name and first words of the error], "unsteady": [the same of what passed when it was repeated]}` to that file
 * for `npm test` to add up. A file that could not be loaded counts as one failure.
 */
export default class CountReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    const counts = { passed: 0, failed: unhandledErrors.length, skipped: 0 }
    const failures = unhandledErrors.map((error) => `outside of any test: ${brief(wordsOf(error))}`)
    const unsteady: string[] = []
    for (const testModule of modules) {
      const file = relative(process.cwd(), testModule.moduleId)
      const tests = [...testModule.children.allTests()]
      for (const test of tests) {
        const { state: end, errors = [] } = test.result()
        const state = errors.some(({ message }) => message.includes(NEVER)) ? 'failed' : end
        counts[state === 'passed' || state === 'failed' ? state : 'skipped'] += 1
        const list = state === 'failed' ? failures : test.diagnostic()?.flaky ? unsteady : null
        list?.push(`${file} › ${test.fullName}\n${brief([errors[0]?.message, errors[0]?.stacks?.[0] && `at line ${errors[0].stacks[0].line}`, errors[0]?.diff].filter(Boolean).join('\n'))}`)
      }
      if (testModule.ok() || tests.some((test) => test.result().state === 'failed')) continue
      counts.failed += 1
      failures.push(`${file}\n${brief(testModule.errors()[0]?.message)}`)
    }
    if (process.env.HYPERNETES_COUNTS) writeFileSync(process.env.HYPERNETES_COUNTS, JSON.stringify({ ...counts, failures, unsteady }))
    process.once('exit', () => console.log(`${counts.passed} passed, ${counts.failed} failed${counts.skipped ? `, ${counts.skipped} skipped` : ''}`))
  }
}
