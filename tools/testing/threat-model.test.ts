import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'

const root = join(import.meta.dirname, '../..')
const text = readFileSync(join(root, 'docs/threat-model.md'), 'utf8')
/** Rows of the tables of walls, as [wall, tests, not covered]. */
const walls = text.split('\n| wall |').slice(1).flatMap((table) => table.split('\n').slice(2)).filter((line) => line.startsWith('| ')).map((line) => line.slice(2, -2).split(' | '))
const testsOf = (cell = '') => [...cell.matchAll(/`([^`]+\.(?:test|spec)\.ts)`/g)].map(([, path = '']) => path)

it('every wall of the threat model names a test that is there', () => {
  expect(walls.length).toBeGreaterThan(25)
  expect(walls.filter(([, tests]) => testsOf(tests).length === 0).map(([wall]) => wall)).toEqual([])
  expect(walls.flatMap(([, tests]) => testsOf(tests)).filter((path) => !existsSync(join(root, path)))).toEqual([])
})
