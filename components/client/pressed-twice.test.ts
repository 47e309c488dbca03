import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'

/** What is made anew with each press on purpose, with why. */
const others = new Map([['tokens/token-form.tsx', 'a token is told once, to who asked for it']])

it('what a form makes is made once, however often it is pressed: each form that creates says which press it is', () => {
  const root = join(import.meta.dirname, '..')
  const textOf = (file: string) => readFileSync(join(root, file), 'utf8')
  const creating = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((file) => /(?<!\.test)\.tsx?$/.test(file) && textOf(file).includes('.create.mutate('))
  expect(creating).toContain('address-pools/pool-form.tsx')
  expect(creating.filter((file) => !others.has(file) && !/\brequestId\b/.test(textOf(file)))).toEqual([])
})
