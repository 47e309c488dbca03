import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { root } from '@/tools/setup/paths.mjs'
import { lockProblems } from './lock-rules'
import { readLockfile, readManifest, type LockEntry, type Lockfile, type Manifest } from './lockfile'

const settings = 'ignore-scripts=true\n'
const integrity = `sha512-${'A'.repeat(86)}==`
const manifest: Manifest = { dependencies: { good: '1.2.3' } }
const lockOf = (packages: Record<string, LockEntry>): Lockfile => ({ lockfileVersion: 3, packages: { '': manifest, 'node_modules/good': { version: '1.2.3', integrity, license: 'MIT' }, ...packages } })
const problems = (entry: LockEntry) => lockProblems(lockOf({ 'node_modules/planted': { version: '2.0.0', integrity, license: 'MIT', ...entry } }), manifest, settings)

it('the lock and the settings of this checkout say exactly which bytes are installed, and run nothing of theirs', () => {
  expect(lockProblems(readLockfile(root), readManifest(root), readFileSync(join(root, '.npmrc'), 'utf8'))).toEqual([])
  expect(lockProblems(lockOf({}), manifest, settings)).toEqual([])
})

describe('a planted package is found', () => {
  it.each<[string, LockEntry, RegExp]>([
    ['of a git repository', { resolved: 'git+ssh://git@github.com/somebody/planted.git#abc123' }, /comes from git\+ssh:.*github\.com\/somebody\/planted\.git/],
    ['of an archive on the web', { resolved: 'https://user:word@example.com/planted.tgz?token=word' }, /comes from https:\/\/example\.com\/planted\.tgz and/],
    ['of a mirror', { resolved: 'https://mirror.example/planted/-/planted-2.0.0.tgz' }, /mirror\.example/],
    ['of a look-alike of the registry', { resolved: 'https://registry.npmjs.org.example/planted.tgz' }, /registry\.npmjs\.org\.example/],
    ['without a hash', { integrity: undefined }, /has no SHA-512/],
    ['with a weak hash', { integrity: 'sha1-qUfJGOvOWGBdXZ6AKOBl5ZHbOCY=' }, /has no SHA-512/],
    ['with half a hash', { integrity: 'sha512-AAAA' }, /has no SHA-512/],
    ['with a program of its own', { hasInstallScript: true }, /wants to run a program/],
    ['that is a link', { link: true }, /is a link to a folder/],
    ['without a version', { version: 'git' }, /no version of its own/],
  ])('%s', (_, entry, expected) => {
    const found = problems(entry)
    expect(found).toEqual([expect.stringMatching(expected)])
    expect(found[0]).toContain('node_modules/planted')
    expect(found[0]).not.toContain('word')
  })

  it('also below another package', () => {
    expect(lockProblems(lockOf({ 'node_modules/good/node_modules/@a/b': { version: '1.0.0' } }), manifest, settings)).toEqual([expect.stringMatching(/\(@a\/b 1\.0\.0\) has no SHA-512/)])
  })
})

it('refuses ranges in package.json, a lock of another package.json, and settings that let packages run programs', () => {
  expect(lockProblems(lockOf({}), { dependencies: { good: '^1.2.3' } }, settings)).toEqual([expect.stringMatching(/good "\^1\.2\.3", which is no exact version/), expect.stringMatching(/package-lock\.json holds 1\.2\.3/)])
  expect(lockProblems(lockOf({}), { dependencies: { good: '1.2.3' }, devDependencies: { other: 'latest' } }, settings)).toHaveLength(2)
  expect(lockProblems(lockOf({}), manifest, '# ignore-scripts=true\n')).toEqual([expect.stringMatching(/does not say ignore-scripts=true/)])
  expect(lockProblems({ ...lockOf({}), lockfileVersion: 1 }, manifest, settings)).toEqual([expect.stringMatching(/of version 1/)])
})
