import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { debianMirror, mirrorsIn } from '@/guest/image/apt-sources'

describe("the machine's Debian mirror", () => {
  it('is read from one-line and stanza sources', () => {
    expect(mirrorsIn('# deb http://old/debian x main\ndeb [arch=amd64 signed-by=/k] http://a/debian bookworm main\ndeb-src http://s/debian x main\n', 'list')).toEqual(['http://a/debian'])
    const stanzas = 'Types: deb deb-src\n# a comment\nURIs: http://b/debian http://c/debian\nSuites: trixie\n\nTypes: deb\nURIs: http://d/debian\nEnabled: no\n\nTypes: deb-src\nURIs: http://e/debian\n'
    expect(mirrorsIn(stanzas, 'sources')).toEqual(['http://b/debian', 'http://c/debian'])
  })

  it('is the first that is Debian itself', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'hypernetes-apt-'))
    try {
      await expect(debianMirror(folder)).rejects.toThrow('no Debian mirror')
      await mkdir(join(folder, 'sources.list.d'))
      await writeFile(join(folder, 'sources.list.d/a.list'), 'deb http://other/node_20.x nodistro main\n')
      await writeFile(join(folder, 'sources.list.d/b.sources'), 'Types: deb\nURIs: http://mirror/debian-security\n\nTypes: deb\nURIs: http://mirror/debian/\n')
      await writeFile(join(folder, 'sources.list.d/c.list.disabled'), 'deb http://off/debian x main\n')
      expect(await debianMirror(folder)).toBe('http://mirror/debian/')
    } finally {
      await rm(folder, { recursive: true })
    }
  })
})
