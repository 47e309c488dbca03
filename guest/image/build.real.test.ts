import { createHash } from 'node:crypto'
import { cp, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { buildGuestImage, type GuestImage } from '@/guest/image/build'
import { Inventory, readInventory, writtenAs } from '@/guest/image/inventory'
import { currentPackages } from '@/guest/image/package-root'
import { updateGuestImage } from '@/guest/image/update'
import { run } from '@/platform/exec'

const Checksum = z.object({ algorithm: z.string(), checksumValue: z.string() })
const Document = z.object({
  spdxVersion: z.literal('SPDX-2.3'),
  dataLicense: z.literal('CC0-1.0'),
  creationInfo: z.object({ created: z.string().regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/), creators: z.array(z.string()) }),
  packages: z.array(z.object({ SPDXID: z.string().regex(/^SPDXRef-[A-Za-z0-9.-]+$/), name: z.string(), versionInfo: z.string().min(1), licenseDeclared: z.string(), checksums: z.array(Checksum).optional(), externalRefs: z.array(z.object({ referenceLocator: z.string() })).optional() })),
  files: z.array(z.object({ SPDXID: z.string(), fileName: z.string(), checksums: z.array(Checksum) })),
  relationships: z.array(z.object({ spdxElementId: z.string(), relationshipType: z.string(), relatedSpdxElement: z.string() })),
})

let outDir: string
let image: GuestImage
let document: z.infer<typeof Document>
const steps: string[] = []
const build = () => buildGuestImage({ outDir, onProgress: (step) => steps.push(step) })

beforeAll(async () => {
  outDir = await mkdtemp(join(tmpdir(), 'hypernetes-image-'))
  image = await build()
  document = Document.parse(JSON.parse(await readFile(image.sbom, 'utf8')))
})
afterAll(() => rm(outDir, { recursive: true, force: true }))

it('is built once: a second build of the same inputs fetches and writes nothing', async () => {
  expect(steps.filter((step) => /^fetching|^writing/.test(step))).toHaveLength(2)
  expect((await readFile(image.initramfs)).subarray(0, 6).toString()).toBe('070701')
  const written = (await stat(image.initramfs)).mtimeMs
  steps.length = 0
  expect(await build()).toEqual(image)
  expect(steps).toEqual(['bundling the guest agent'])
  expect((await stat(image.initramfs)).mtimeMs).toBe(written)
  expect((await readdir(outDir)).sort()).toEqual([image.version, expect.stringMatching(/^packages-\w+$/), expect.stringMatching(/^packages-\w+-\w+$/)])
})

describe('the bill of materials', () => {
  const version = (name: RegExp) => document.packages.find((one) => name.test(one.name))?.versionInfo ?? ''
  let root: string

  beforeAll(async () => {
    root = join(outDir, 'unpacked')
    await mkdir(root)
    // Device nodes need no unpacking, and may not be made everywhere.
    await run('cpio', ['-i', '-d', '--quiet', '--no-absolute-filenames', '-f', 'dev/console'], { input: await readFile(image.initramfs), cwd: root })
  })
  afterAll(() => rm(root, { recursive: true, force: true }))

  it('names every file of the image by its hash, each of one package', async () => {
    const found = (await readdir(root, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
    const sha256 = async (path: string) => createHash('sha256').update(await readFile(path)).digest('hex')
    const real = await Promise.all([...found.map(async (path) => [`./${path.slice(root.length + 1)}`, await sha256(path)]), sha256(image.kernel).then((sum) => ['./vmlinuz', sum])])
    const told = document.files.map(({ fileName, checksums }) => [fileName, checksums.find(({ algorithm }) => algorithm === 'SHA256')?.checksumValue])
    expect(told.sort()).toEqual(real.sort())
    const owners = (id: string) => document.relationships.filter((one) => one.relatedSpdxElement === id && one.relationshipType === 'CONTAINS')
    for (const file of document.files) expect(owners(file.SPDXID), file.fileName).toHaveLength(1)
  })

  it('has the versions that are really in the image', async () => {
    const loader = (program: string, ...args: string[]) => run(join(root, 'lib64/ld-linux-x86-64.so.2'), ['--library-path', join(root, 'lib/x86_64-linux-gnu'), join(root, 'bin', program), ...args])
    expect((await loader('crun', '--version')).stdout).toContain(`crun version ${version(/^crun$/).replace(/-[^-]*$/, '')}\n`)
    // Both name their version beside those of libraries that are there too.
    const filesystems = version(/^e2fsprogs$/).replace(/-[^-]*$/, '')
    expect((await loader('../sbin/mke2fs', '-V')).stderr).toContain(`mke2fs ${filesystems} `)
    expect((await run(join(root, 'sbin/e2fsck'), ['-V'])).stderr).toContain(`e2fsck ${version(/^e2fsck-static$/).replace(/-[^-]*$/, '')} `)
    expect((await loader('../sbin/mkfs.xfs', '-V')).stdout).toContain(`mkfs.xfs version ${version(/^xfsprogs$/).replace(/-[^-]*$/, '')}`)
    const javascript = await readFile(join(root, 'bin/qjs'), 'latin1')
    expect(javascript).toContain(`QuickJS version ${version(/^quickjs$/).replace(/-[^-]*$/, '').replaceAll('.', '-')}`)
    // The x86 boot protocol: an offset to the kernel's own words on its version.
    const kernel = await readFile(image.kernel)
    const words = kernel.toString('latin1', kernel.readUInt16LE(0x20e) + 0x200).split('\0')[0]
    expect(words).toContain(`Debian ${version(/^linux-image/)} `)
    expect(version(/^busybox-static$/)).toContain(/BusyBox v(\S+)/.exec((await run(join(root, 'bin/busybox'), [])).stdout)?.[1])
  })

  it('says of each Debian package where it is from, its checksum and its licence as far as the package says it', () => {
    const debian = document.packages.filter((one) => one.externalRefs?.[0]?.referenceLocator.startsWith('pkg:deb/'))
    expect(debian.map((one) => one.name).sort()).toEqual(expect.arrayContaining(['bsdutils', 'busybox-static', 'coreutils', 'crun', 'e2fsck-static', 'e2fsprogs', 'libblkid1', 'libc6', 'libext2fs2t64', 'quickjs', 'xfsprogs']))
    for (const one of debian) expect(one.checksums?.[0], one.name).toEqual({ algorithm: 'SHA256', checksumValue: expect.stringMatching(/^[0-9a-f]{64}$/) as string })
    expect(document.packages.find((one) => one.name === 'quickjs')?.licenseDeclared).toBe('MIT')
    expect(document.packages.find((one) => one.name === 'libseccomp2')?.licenseDeclared).toBe('LGPL-2.1-only')
    expect(document.packages.find((one) => one.name === 'zod')?.versionInfo).toMatch(/^\d+\.\d+\.\d+$/)
    // No host of a mirror, no folder of this machine.
    expect(JSON.stringify(document)).not.toMatch(/downloadLocation":"(?!NOASSERTION)|\/tmp\/|\/root\//)
  })
})

describe('an update', () => {
  /** Packages as a mirror would have them later: `crun` of another version, its file a byte longer. */
  const later = (version: string) => async (folder: string) => {
    const from = (await currentPackages(folder)) ?? ''
    const inventory = await readInventory(from)
    const target = `${from.replace(/-\w+$/, '')}-${version.replaceAll(/\W/g, '')}`
    await cp(from, target, { recursive: true })
    await writeFile(join(target, 'bin/crun'), '\0', { flag: 'a' })
    const packages = inventory.packages.map((one) => (one.name === 'crun' ? { ...one, version } : one))
    await writeFile(join(target, writtenAs(inventory)[0]), JSON.stringify(Inventory.parse({ ...inventory, packages })))
    return target
  }
  const update = (fetch: (folder: string) => Promise<string>, force = false) => updateGuestImage({ outDir, force, fetch })

  it('that finds nothing newer makes nothing', async () => {
    const before = await readdir(outDir)
    expect(await update(async (folder) => (await currentPackages(folder)) ?? '')).toEqual({ image: null, changes: [] })
    expect(await readdir(outDir)).toEqual(before)
  })

  it('that fails leaves the packages and images in use', async () => {
    await expect(update(async () => Promise.reject(new Error('the mirror does not answer')))).rejects.toThrow('the mirror does not answer')
    const broken = async (folder: string) => {
      const target = await later('2')(folder)
      await rm(join(target, 'vmlinuz'))
      return target
    }
    await expect(update(broken)).rejects.toThrow('vmlinuz')
    expect(await build()).toEqual(image)
  })

  it('that finds something newer makes an image beside the old one and tells what changed; older packages are refused', async () => {
    const { image: next, changes } = await update(later('99.1-1'))
    expect(changes).toEqual([{ name: 'crun', from: document.packages.find((one) => one.name === 'crun')?.versionInfo, to: '99.1-1' }])
    expect(next?.version).not.toBe(image.version)
    expect((await stat(image.kernel)).isFile()).toBe(true)
    expect(await build()).toEqual(next)
    expect((await readdir(outDir)).filter((name) => name.startsWith('packages-'))).toHaveLength(2)
    await expect(update(later('98.0-1'))).rejects.toThrow(/older packages.*crun 98\.0-1 instead of 99\.1-1.*stays as it is.*--force/)
    expect(await build()).toEqual(next)
    expect((await update(later('98.0-1'), true)).changes).toEqual([{ name: 'crun', from: '99.1-1', to: '98.0-1' }])
  })
})
