import { expect, it } from 'vitest'
import { root } from '@/tools/setup/paths.mjs'
import { permitted } from './allowances'
import { isPermitted, licenceProblems, parseExpression } from './licences'
import { packagesOf, readLockfile, type LockEntry } from './lockfile'
import { licenceCounts, licenceTable, notices } from './report'

const planted = (entry: LockEntry, name = 'planted') => packagesOf({ lockfileVersion: 3, packages: { [`node_modules/${name}`]: { version: '2.0.0', ...entry } } })

it('every package of this checkout is under a licence that permits its use', () => {
  expect(licenceProblems(packagesOf(readLockfile(root)))).toEqual([])
})

it.each(['GPL-3.0-only', 'AGPL-3.0-or-later', 'LGPL-3.0-or-later', 'SSPL-1.0', 'UNLICENSED', 'SEE LICENSE IN FILE', 'MIT AND GPL-2.0-only', '(MIT OR Apache-2.0) AND AGPL-3.0-only', undefined])('a planted package under %s is found', (license) => {
  expect(licenceProblems(planted({ license }))).toEqual([expect.stringMatching(/^node_modules\/planted \(planted 2\.0\.0\) .*tools\/supply\/allowances\.ts/)])
})

it('a licence may be chosen where there is a choice, and development may use more', () => {
  for (const license of ['MIT', 'GPL-2.0-only OR MIT', '(MIT AND ISC)', 'MIT and ISC', '(BSD-2-Clause OR (MIT AND Apache-2.0))']) expect(licenceProblems(planted({ license })), license).toEqual([])
  expect(licenceProblems(planted({ license: 'MPL-2.0', dev: true }))).toEqual([])
  expect(licenceProblems(planted({ license: 'MPL-2.0' }))).toHaveLength(1)
  expect(licenceProblems(planted({ license: 'GPL-3.0-only', dev: true }))).toHaveLength(1)
})

it('what was allowed by hand is one package under one licence', () => {
  expect(licenceProblems(planted({ license: 'CC-BY-4.0' }, 'caniuse-lite'))).toEqual([])
  expect(licenceProblems(planted({ license: 'AGPL-3.0-only' }, 'caniuse-lite'))).toHaveLength(1)
  expect(licenceProblems(planted({ license: 'CC-BY-4.0' }, 'caniuse-lite-too'))).toHaveLength(1)
})

it('reads expressions as SPDX has them, and nothing else', () => {
  expect(parseExpression('A OR B AND C')).toEqual({ operator: 'OR', parts: [{ id: 'A' }, { operator: 'AND', parts: [{ id: 'B' }, { id: 'C' }] }] })
  for (const text of ['', 'MIT OR', 'OR MIT', '(MIT', 'MIT)', 'MIT ISC', '()']) expect(parseExpression(text), text).toBeNull()
  expect(isPermitted({ operator: 'OR', parts: [{ id: 'GPL-3.0-only' }, { id: 'MIT' }] }, permitted)).toBe(true)
})

it('tells each licence with its number, and brings the notices of what is shipped', () => {
  const packages = [...planted({ license: 'MIT' }), ...planted({ license: 'MIT', dev: true }, 'tool')]
  expect(licenceTable(packages)).toBe('planted  2.0.0  MIT\ntool     2.0.0  MIT  development')
  expect(licenceCounts(packages)).toBe('product      MIT 1\ndevelopment  MIT 1')
  const zod = packagesOf(readLockfile(root)).filter(({ name }) => name === 'zod')
  expect(notices(root, zod)).toMatch(/zod 4\.\d+\.\d+ \(MIT\)[^]*Permission is hereby granted/)
})
