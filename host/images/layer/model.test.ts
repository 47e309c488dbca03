import { createHash } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { fuzzRuns, fuzzTimeout } from '@/tools/testing/fuzz-runs'
import { ImageError } from '../image-error'
import { tarArchive, type ArchiveEntry } from '../tar/archive'
import { readTar } from '../tar/reader'
import { PlainTree, Refused } from '../testing/plain-tree'
import { defaultLimits } from './limits'
import { scanLayers, writeImage } from './merge'

let folder: string
beforeAll(async () => void (folder = await mkdtemp(join(tmpdir(), 'model-'))))
afterAll(() => rm(folder, { recursive: true }))

/** What the store makes of layers: `path → kind and content`. Names that leave the root, or come before their folder, fail here. */
async function merged(layers: readonly (readonly ArchiveEntry[])[]): Promise<Record<string, string>> {
  const files = await Promise.all(layers.map(async (layer, i) => {
    const tar = tarArchive(layer)
    const path = join(folder, String(i))
    await writeFile(path, tar)
    return { path, diffId: `sha256:${createHash('sha256').update(tar).digest('hex')}` }
  }))
  const written: Buffer[] = []
  await writeImage(await scanLayers(files, defaultLimits), files, { write: async (bytes) => void written.push(Buffer.from(bytes)) })
  const found: Record<string, string> = {}
  const source = async function* () {
    yield Buffer.concat(written)
  }
  for await (const { header, data } of readTar(source())) {
    const path = header.name.replace(/\/$/, '')
    const parts = path.split('/')
    expect([path.startsWith('/'), parts.includes('..'), parts.includes('.'), parts.includes('')]).toEqual([false, false, false, false])
    expect(found[path]).toBeUndefined()
    if (parts.length > 1) expect(found[parts.slice(0, -1).join('/')]).toBe('dir')
    const bytes: Buffer[] = []
    for await (const part of data()) bytes.push(part)
    if (header.type === 'link') expect(found[header.linkName]).toMatch(/^(file|symlink) /)
    found[path] = header.type === 'directory' ? 'dir' : header.type === 'link' ? (found[header.linkName] ?? '') : header.type === 'symlink' ? `symlink ${header.linkName}` : `file ${Buffer.concat(bytes).toString()}`
  }
  return found
}

function modelled(layers: readonly (readonly ArchiveEntry[])[]): Record<string, string> {
  const tree = new PlainTree()
  for (const [layer, entries] of layers.entries()) for (const entry of entries) tree.add(layer, entry)
  return Object.fromEntries([...tree.paths].filter(([path]) => path !== '').map(([path, thing]) => [path, thing.kind === 'dir' ? 'dir' : thing.kind === 'symlink' ? `symlink ${thing.target}` : `file ${thing.content}`]))
}

// Few names, so that entries meet; and those that try to climb.
const part = fc.constantFrom('a', 'b', 'c', 'l')
const path = fc.array(part, { minLength: 1, maxLength: 3 }).map((parts) => parts.join('/'))
const hostile = fc.constantFrom('../a', '/a', 'a/../../b', './a', '.', '', 'a//b', '..', 'a/.wh.', '.wh..wh.plnk', 'a/.wh...', '/../../../../tmp/x')
const name = fc.oneof({ weight: 30, arbitrary: path }, { weight: 1, arbitrary: hostile })
const target = fc.oneof(path, fc.constantFrom('..', '../b', '/', '/a/b', '../../../../../../etc', '.', 'l', '/l', './c/..'))
const entry: fc.Arbitrary<ArchiveEntry> = fc.oneof(
  fc.tuple(name, fc.stringMatching(/^[0-9]{0,3}$/)).map(([one, content]): ArchiveEntry => ({ name: one, type: 'file', content })),
  name.map((one): ArchiveEntry => ({ name: one, type: 'directory' })),
  fc.tuple(name, target).map(([one, linkName]): ArchiveEntry => ({ name: one, type: 'symlink', linkName })),
  fc.tuple(name, name).map(([one, linkName]): ArchiveEntry => ({ name: one, type: 'link', linkName })),
  name.map((one): ArchiveEntry => ({ name: one, type: 'device' })),
  path.map((one): ArchiveEntry => ({ name: one.replace(/[^/]*$/, '.wh.$&') })),
  path.map((one): ArchiveEntry => ({ name: `${one}/.wh..wh..opq` })),
)

it('layers of files, folders, links, symbolic links, devices and whiteouts become what a plain model of a file system says, and never leave the root', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.array(entry, { maxLength: 8 }), { minLength: 1, maxLength: 4 }), async (layers) => {
      let expected: Record<string, string> | null = null
      try {
        expected = modelled(layers)
      } catch (error) {
        if (!(error instanceof Refused)) throw error
      }
      const got: unknown = await merged(layers).catch((error: unknown) => error)
      if (expected === null) expect(got).toMatchObject({ name: 'ImageError', code: 'malformed' })
      else if (got instanceof ImageError) throw got
      else expect(got).toEqual(expected)
    }),
    { numRuns: fuzzRuns(300) },
  )
}, fuzzTimeout(20_000))
