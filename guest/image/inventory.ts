import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { z } from 'zod'
import { licenceNames } from '@/guest/image/licences'
import { run } from '@/platform/exec'

/** One Debian package of which files are in the guest. */
const GuestPackage = z.object({
  name: z.string(),
  version: z.string(),
  architecture: z.string(),
  source: z.string(),
  sourceVersion: z.string(),
  homepage: z.string(),
  maintainer: z.string(),
  /** Of the package file, which apt has compared with the signed lists. */
  sha256: z.string(),
  /** As its copyright file names them; none where that is not machine-readable. */
  licences: z.array(z.string()),
  /** Paths in the guest, of which the kernel is beside the initramfs. */
  files: z.array(z.string()),
})
export type GuestPackage = z.infer<typeof GuestPackage>

/** The packages of a guest image, by name, and when they were fetched. */
export const Inventory = z.object({ suite: z.string(), fetchedAt: z.string(), packages: z.array(GuestPackage) })
export type Inventory = z.infer<typeof Inventory>

const inventoryFile = 'packages.json'
const maxListing = 64 << 20

export const writtenAs = (inventory: Inventory): [string, string] => [inventoryFile, JSON.stringify(inventory, null, 1)]

export async function readInventory(root: string): Promise<Inventory> {
  return Inventory.parse(JSON.parse(await readFile(join(root, inventoryFile), 'utf8')))
}

/**
 * Which package each picked file came from, and what that package says of itself. `archives` holds the package files,
 * `extracted` is their content. `picked`: path in the packages → path in the guest. Throws where a file is of no package.
 */
export async function takeInventory(suite: string, archives: string, extracted: string, picked: ReadonlyMap<string, string>): Promise<Inventory> {
  const packages: GuestPackage[] = []
  const left = new Map(picked)
  for (const name of (await readdir(archives)).filter((file) => file.endsWith('.deb')).sort()) {
    const file = join(archives, name)
    const owned = await pathsOf(file)
    const files = [...left].filter(([path]) => owned.has(path))
    for (const [path] of files) left.delete(path)
    if (files.length > 0) packages.push(await describe(file, extracted, files.map(([, path]) => path).sort()))
  }
  const [orphan] = left.keys()
  if (orphan !== undefined) throw new Error(`no package of the guest holds ${orphan}`)
  return { suite, fetchedAt: `${new Date().toISOString().slice(0, 19)}Z`, packages: packages.sort((a, b) => (a.name < b.name ? -1 : 1)) }
}

/** What one package file holds, without the leading "./"; of a link its name alone. */
async function pathsOf(file: string): Promise<Set<string>> {
  const { stdout } = await run('dpkg-deb', ['--contents', file], { maxOutput: maxListing })
  return new Set(stdout.split('\n').flatMap((line) => /^\S+ \S+ +\d+ \S+ \S+ \.\/(.+?)(?: -> .*| link to .*)?$/.exec(line)?.[1] ?? []))
}

async function describe(file: string, extracted: string, files: string[]): Promise<GuestPackage> {
  const { stdout } = await run('dpkg-deb', ['--field', file])
  const field = (name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(stdout)?.[1]?.trim() ?? ''
  const [name, version] = [field('Package'), field('Version')]
  const [, source = name, sourceVersion = version] = /^(\S+)(?: \((.+)\))?$/.exec(field('Source')) ?? []
  const copyright = await readFile(join(extracted, 'usr/share/doc', name, 'copyright'), 'utf8').catch(() => '')
  return { name, version, architecture: field('Architecture'), source, sourceVersion, homepage: field('Homepage'), maintainer: field('Maintainer'), sha256: await sha256(file), licences: licenceNames(copyright), files }
}

async function sha256(file: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer)
  return hash.digest('hex')
}

/** A package whose version differs; null: it is in one of the images only. */
export type PackageChange = { name: string; from: string | null; to: string | null }

export function packageChanges(before: Inventory | undefined, after: Inventory): PackageChange[] {
  // The kernel's package bears the version in its name: it is one package to people.
  const byName = (inventory: Inventory | undefined) => new Map(inventory?.packages.map((one) => [one.name.replace(/^(linux-image)-\d\S*?-(cloud-amd64|amd64)$/, '$1-$2'), one.version]))
  const [old, now] = [byName(before), byName(after)]
  return [...new Set([...old.keys(), ...now.keys()])]
    .sort()
    .map((name) => ({ name, from: old.get(name) ?? null, to: now.get(name) ?? null }))
    .filter(({ from, to }) => from !== to)
}

/** Those changes that go back to an older version (dpkg's order). */
export async function downgrades(changes: readonly PackageChange[]): Promise<PackageChange[]> {
  const older = await Promise.all(changes.map(async ({ from, to }) => from !== null && to !== null && (await run('dpkg', ['--compare-versions', to, 'lt', from]).then(() => true, () => false))))
  return changes.filter((_, index) => older[index])
}

/** Names what is in an image by its packages; the time of the fetch is not part of it. */
export function inventoryHash({ suite, packages }: Inventory): string {
  return createHash('sha256').update(JSON.stringify([suite, packages])).digest('hex').slice(0, 12)
}

/** `vmlinuz` and the modules' decompressed files have other bytes than in the package. */
export const isUnpackedModule = (path: string): boolean => basename(path).endsWith('.ko')
