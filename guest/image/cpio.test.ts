import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { packArchive } from '@/guest/image/cpio'

it('packs an archive that cpio reads', () => {
  const folder = mkdtempSync(join(tmpdir(), 'hypernetes-cpio-'))
  const archive = packArchive([
    { kind: 'directory', path: 'etc', mode: 0o755 },
    { kind: 'file', path: 'etc/odd', mode: 0o640, content: Buffer.from('seven b') },
    { kind: 'symlink', path: 'etc/link', target: 'odd' },
    { kind: 'character', path: 'console', mode: 0o600, major: 5, minor: 1 },
  ])
  try {
    const listing = execFileSync('cpio', ['-t', '-v', '-n', '--quiet'], { input: archive, cwd: folder, encoding: 'utf8', env: { PATH: process.env.PATH, LC_ALL: 'C', TZ: 'UTC', NODE_ENV: 'test' } })
    const rows = listing.trim().split('\n')
    expect(rows.map((row) => row.split(/\s+/).slice(0, 1).concat(row.replace(/.*1970 ?/, '').trim()))).toEqual([
      ['drwxr-xr-x', 'etc'],
      ['-rw-r-----', 'etc/odd'],
      ['lrwxrwxrwx', 'etc/link -> odd'],
      ['crw-------', 'console'],
    ])
    expect(rows[1]).toMatch(/\b7 Jan/)
    expect(rows[3]).toMatch(/5, *1/)
  } finally {
    rmSync(folder, { recursive: true })
  }
})
