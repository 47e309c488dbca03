import { createHash } from 'node:crypto'
import { lstat, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { fuzzRuns, fuzzTimeout } from '@/tools/testing/fuzz-runs'
import { ImageError } from '../image-error'
import { hostArchitecture } from '../registry/manifest'
import { tarArchive, type ArchiveEntry } from '../tar/archive'
import { ArchiveFiles } from './archive-files'
import { readArchiveImage } from './archive-image'

let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'archives-'))
})
afterEach(() => rm(folder, { recursive: true }))

const sha256 = (bytes: Buffer | string) => createHash('sha256').update(bytes).digest('hex')
const layer = tarArchive([{ name: 'a', content: 'content' }])
const config = JSON.stringify({ os: 'linux', architecture: hostArchitecture, config: {}, rootfs: { diff_ids: [`sha256:${sha256(layer)}`] } })
const manifest = JSON.stringify({ schemaVersion: 2, config: { digest: `sha256:${sha256(config)}`, size: config.length }, layers: [{ digest: `sha256:${sha256(layer)}`, size: layer.length }] })
const blob = (content: string | Buffer): ArchiveEntry => ({ name: `blobs/sha256/${sha256(content)}`, content })
const docker: ArchiveEntry[] = [{ name: 'config.json', content: config }, { name: 'l/layer.tar', content: layer }, { name: 'manifest.json', content: JSON.stringify([{ Config: 'config.json', RepoTags: ['app:1'], Layers: ['l/layer.tar'] }]) }]
const oci: ArchiveEntry[] = [blob(config), blob(layer), blob(manifest), { name: 'index.json', content: JSON.stringify({ schemaVersion: 2, manifests: [{ digest: `sha256:${sha256(manifest)}`, size: manifest.length }] }) }]

const name = fc.constantFrom('config.json', 'manifest.json', 'index.json', 'l/layer.tar', '../out.json', '/abs.tar', 'a/../../out.tar', 'blobs/x', 'link.tar', 'x/../manifest.json', './index.json', 'con\0fig.json')
const json = fc.oneof(fc.json({ maxDepth: 3 }), fc.constantFrom('', '{', '[]', '[{}]', '[{"Config":"../../etc/passwd","Layers":["/etc/shadow"]}]', '[{"Config":"link.tar","Layers":["link.tar"]}]', '{"manifests":[]}', `{"manifests":[{"digest":"sha256:${'0'.repeat(64)}","size":3}]}`))
const strange: fc.Arbitrary<ArchiveEntry> = fc.oneof(
  fc.tuple(name, json).map(([one, content]): ArchiveEntry => ({ name: one, content })),
  fc.tuple(name, fc.oneof(name, fc.constantFrom('/etc/passwd', '../../../etc/passwd', 'link.tar'))).map(([one, linkName]): ArchiveEntry => ({ name: one, type: 'symlink', linkName })),
  fc.tuple(name, name).map(([one, linkName]): ArchiveEntry => ({ name: one, type: 'link', linkName })),
  name.map((one): ArchiveEntry => ({ name: one, type: 'directory' })),
  fc.tuple(name, fc.constantFrom('device' as const, 'fifo' as const)).map(([one, type]): ArchiveEntry => ({ name: one, type })),
)

it('any archive is read, or refused as an ImageError, and what it unpacks is plain files in its own folder', async () => {
  let run = 0
  let accepted = 0
  const entries = fc.tuple(fc.constantFrom(docker, oci), fc.array(strange, { maxLength: 3 }), fc.nat(5), fc.boolean()).map(([usual, odd, at, isFirst]) => {
    const kept = usual.filter((_, i) => i !== at)
    return isFirst ? [...odd, ...kept] : [...kept, ...odd]
  })
  const change = fc.option(fc.tuple(fc.nat(20_000), fc.nat(255)), { freq: 3 })
  await fc.assert(
    fc.asyncProperty(entries, change, fc.boolean(), async (all, changed, isPacked) => {
      const own = join(folder, String(run++))
      await mkdir(own)
      const plain = tarArchive(all)
      const bytes = isPacked ? gzipSync(plain) : plain
      if (changed) bytes[changed[0] % bytes.length] = changed[1]
      const archive = join(own, 'archive')
      await writeFile(archive, bytes)
      const unpacked = join(own, 'unpacked')
      await mkdir(unpacked)
      try {
        const files = await ArchiveFiles.unpack(archive, unpacked, { maxBytes: 1 << 20, makeRoom: () => Promise.resolve() }, {})
        const image = await readArchiveImage(files, 'docker.io/library/app:1', 'tenant', new AbortController().signal)
        for (const { path } of image.layers) expect(path.startsWith(`${unpacked}/file-`)).toBe(true)
        accepted += 1
      } catch (error) {
        if (!(error instanceof ImageError)) throw error
        expect(['malformed', 'too-large', 'unsupported-platform']).toContain(error.code)
      }
      for (const one of await readdir(unpacked)) expect([/^file-\d+$/.test(one), (await lstat(join(unpacked, one))).isFile()]).toEqual([true, true])
      expect((await readdir(own)).sort()).toEqual(['archive', 'unpacked'])
    }),
    { numRuns: fuzzRuns(150) },
  )
  expect((await readdir(folder)).length).toBe(run)
  expect(accepted).toBeGreaterThan(0)
}, fuzzTimeout(20_000))
