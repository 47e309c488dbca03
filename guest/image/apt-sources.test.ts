import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { debianSources, sourcesIn } from '@/guest/image/apt-sources'

describe("the machine's Debian mirror", () => {
  it('is read from one-line and stanza sources', () => {
    expect(sourcesIn('# deb http://old/debian x main\ndeb [arch=amd64 signed-by=/k] http://a/debian bookworm main\ndeb-src http://s/debian x main\n', 'list')).toEqual([{ uri: 'http://a/debian', suites: ['bookworm'] }])
    const stanzas = 'Types: deb deb-src\n# a comment\nURIs: http://b/debian http://c/debian\nSuites: trixie trixie-updates\n\nTypes: deb\nURIs: http://d/debian\nEnabled: no\n\nTypes: deb-src\nURIs: http://e/debian\n'
    expect(sourcesIn(stanzas, 'sources')).toEqual(['http://b/debian', 'http://c/debian'].map((uri) => ({ uri, suites: ['trixie', 'trixie-updates'] })))
  })

  it('is the first that is Debian itself, with the updates that the machine itself takes', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'hypernetes-apt-'))
    try {
      await expect(debianSources('trixie', folder)).rejects.toThrow('no Debian mirror')
      await mkdir(join(folder, 'sources.list.d'))
      await writeFile(join(folder, 'sources.list.d/a.list'), 'deb http://other/node_20.x nodistro main\n')
      await writeFile(join(folder, 'sources.list.d/b.sources'), 'Types: deb\nURIs: http://mirror/debian/\nSuites: bookworm\n')
      await writeFile(join(folder, 'sources.list.d/c.list.disabled'), 'deb http://off/debian x main\n')
      expect(await debianSources('trixie', folder)).toEqual(['deb http://mirror/debian/ trixie main'])
      await writeFile(join(folder, 'sources.list.d/d.sources'), 'Types: deb\nURIs: http://mirror/debian-security\nSuites: bookworm-security\n\nTypes: deb\nURIs: http://mirror/debian/\nSuites: bookworm-updates\n')
      expect(await debianSources('trixie', folder)).toEqual(['deb http://mirror/debian/ trixie main', 'deb http://mirror/debian/ trixie-updates main', 'deb http://mirror/debian-security trixie-security main'])
    } finally {
      await rm(folder, { recursive: true })
    }
  })
})
