import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { leaksIn, trackedProblems } from './tracked-files'

const letters = (count: number) => 'aB3'.repeat(count).slice(0, count)

// Put together here, so that this file holds none.
it.each([
  ['a private key', `-----BEGIN ${'RSA '}PRIVATE KEY-----\n${letters(64)}\n`],
  ['an access key of AWS', `AKIA${'A'.repeat(16)}`],
  ['a token of GitHub', `ghp_${letters(36)}`],
  ['a token of an npm registry', `//registry.example/:_auth${'Token'}=${letters(20)}`],
  ['an API token of Hypernetes', `hyp_${letters(43)}`],
])('%s is found with its line', (what, secret) => {
  const [leak, ...others] = leaksIn('some/file.ts', `first line\nconst x = '${secret}'\n`, [])
  expect(others).toEqual([])
  expect(leak).toContain(`some/file.ts:2 holds ${what}`)
  expect(leak).not.toContain(secret)
})

it('what this machine alone knows is found, and words of every machine are not', () => {
  const machine = [['/srv/checkouts/mine', 'the folder of this checkout'], ['mirror.example', 'a mirror of this machine']] as const
  expect(leaksIn('a.md', 'see /srv/checkouts/mine/tools', machine)).toEqual([expect.stringMatching(/a\.md:1 names the folder of this checkout/)])
  expect(leaksIn('a.json', '{\n"resolved": "https://mirror.example/x.tgz" }', machine)).toEqual([expect.stringMatching(/a\.json:2 names a mirror/)])
  expect(leaksIn('a.ts', 'hyp_secret, -----BEGIN PUBLIC KEY-----, https://registry.npmjs.org/x, /srv/data', machine)).toEqual([])
})

it('looks at what git keeps, and at nothing else', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tracked-files-'))
  try {
    expect(trackedProblems(folder)).toEqual([])
    execFileSync('git', ['init', '--quiet', folder])
    writeFileSync(join(folder, 'kept.md'), `in ${folder}/tools\n`)
    writeFileSync(join(folder, 'not-kept.md'), `in ${folder}/tools\n`)
    writeFileSync(join(folder, 'binary'), Buffer.from(`\0${folder}`))
    symlinkSync('/etc/hostname', join(folder, 'link'))
    execFileSync('git', ['-C', folder, 'add', 'kept.md', 'binary', 'link'])
    expect(trackedProblems(folder)).toEqual([expect.stringMatching(/^kept\.md:1 names the folder of this checkout/)])
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})
