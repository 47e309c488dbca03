import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { NEVER } from './never'

const root = process.cwd()
let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hypernetes-reporters-'))
  await symlink(join(root, 'node_modules'), join(folder, 'node_modules'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

/** Three tests: each fails at its first try and passes at its second, but for the last one, which passes at once. */
const tests = (runner: string) => `
import { expect, test } from '${runner}'
import { existsSync, writeFileSync } from 'node:fs'
const isFirst = (name: string) => {
  const isNew = !existsSync(name)
  writeFileSync(name, '')
  return isNew
}
test('seldom', () => expect(isFirst('seldom-${runner.replace('/', '-')}')).toBe(false))
test('never', () => expect(isFirst('never-${runner.replace('/', '-')}'), '${NEVER}').toBe(false))
test('always', () => {})
`

async function countsOf(program: string, ...args: string[]): Promise<unknown> {
  const counts = join(folder, `${program}.json`)
  // Neither is of the run that this test is in.
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(VITEST|TEST_|HYPERNETES_)/.test(name)))
  await promisify(execFile)(process.execPath, [join(root, 'node_modules', program === 'vitest' ? 'vitest/vitest.mjs' : '@playwright/test/cli.js'), ...args], { cwd: folder, env: { NODE_ENV: 'test', ...env, HYPERNETES_COUNTS: counts } }).catch(() => {})
  return JSON.parse(await readFile(counts, 'utf8'))
}

it.each([
  { program: 'vitest', file: 'some.check.ts', args: ['run', '--root', '.', '--config', 'vitest.own.mjs', '--retry=1'] },
  { program: 'playwright', file: 'some.spec.ts', args: ['test', '--retries=1', `--reporter=${join(root, 'tools/testing/journey-count-reporter.ts')}`] },
])('what must never happen has failed also where a second try passes: $program', async ({ program, file, args }) => {
  await writeFile(join(folder, file), tests(program === 'vitest' ? 'vitest' : '@playwright/test'))
  await writeFile(join(folder, 'vitest.own.mjs'), `export default { test: { include: ['**/*.check.ts'], reporters: [${JSON.stringify(join(root, 'tools/testing/count-reporter.ts'))}] } }`)
  expect(await countsOf(program, ...args)).toEqual({ passed: 2, failed: 1, skipped: 0, failures: [expect.stringMatching(new RegExp(`never\\n.*${NEVER}`))], unsteady: [expect.stringMatching(/seldom/)] })
})

it('names what failed and what was under way where journeys are ended in their midst', async () => {
  await writeFile(join(folder, 'cut.spec.ts'), `
import { readFileSync } from 'node:fs'
import { expect, test } from '@playwright/test'
const said = () => readFileSync(process.env.HYPERNETES_COUNTS ?? '', 'utf8')
test('fails', () => expect(1).toBe(2))
test('goes on', async () => {
  // The runner knows of it some time after it began.
  while (!said().includes('goes on') || !said().endsWith('}')) await new Promise((resolve) => setTimeout(resolve, 20))
  process.kill(process.ppid, 'SIGKILL'); process.exit(1)
})
test('is not begun', () => {})
`)
  const counts = await countsOf('playwright', 'test', 'cut.spec.ts', `--reporter=${join(root, 'tools/testing/journey-count-reporter.ts')}`)
  expect(counts).toEqual({ passed: 0, failed: 2, skipped: 0, unsteady: [], failures: [expect.stringMatching(/fails\n.*toBe/), expect.stringMatching(/goes on\nwas under way/)] })
})
