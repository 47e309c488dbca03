import { createHash } from 'node:crypto'
import { chmod, copyFile, mkdir, mkdtemp, readdir, realpath, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { debianSources } from '@/guest/image/apt-sources'
import { inventoryHash, takeInventory, writtenAs } from '@/guest/image/inventory'
import { files, laterModules, modules, packages, suite } from '@/guest/image/recipe'
import { publishFolder } from '@/guest/image/publish'
import { run } from '@/platform/exec'

const maxModuleBytes = 64 * 1024 * 1024
/** Counts up where the layout of a package root changes. */
const format = 2

function recipeHash(): string {
  return createHash('sha256').update(JSON.stringify([format, suite, packages, files, modules, laterModules])).digest('hex').slice(0, 12)
}

/** Copies the guest's files; returns which path in the packages became which in the guest. */
async function pick(extracted: string, picked: string): Promise<Map<string, string>> {
  const from = new Map<string, string>(Object.entries(files))
  for (const [path, to] of from) {
    await mkdir(dirname(join(picked, to)), { recursive: true })
    await copyFile(join(extracted, path), join(picked, to))
  }
  const [release, ...others] = await readdir(join(extracted, 'usr/lib/modules'))
  if (!release || others.length > 0) throw new Error('the guest packages do not hold exactly one kernel')
  await copyFile(join(extracted, 'boot', `vmlinuz-${release}`), join(picked, 'vmlinuz'))
  from.set(`boot/vmlinuz-${release}`, 'vmlinuz')
  await mkdir(join(picked, 'lib/modules/later'), { recursive: true })
  // Debian compresses modules; the static busybox of the package root runs here as well.
  const busybox = join(extracted, 'usr/bin/busybox')
  for (const [index, module] of modules.entries()) {
    const name = `${String(index).padStart(2, '0')}-${module.split('/').at(-1) ?? module}.ko`
    const packed = join(picked, 'lib/modules', `${name}.xz`)
    const path = `usr/lib/modules/${release}/kernel/${module}.ko.xz`
    await copyFile(join(extracted, path), packed)
    await run(busybox, ['unxz', packed], { maxOutput: maxModuleBytes })
    from.set(path, `lib/modules/${name}`)
  }
  for (const module of laterModules) {
    const [path, to] = [`usr/lib/modules/${release}/kernel/${module}.ko.xz`, `lib/modules/later/${basename(module)}.ko.xz`]
    await copyFile(join(extracted, path), join(picked, to))
    from.set(path, to)
  }
  return from
}

/**
 * Fetches the newest packages that the machine's apt sources have and picks the few files that the guest needs, with
 * their inventory. Returns the folder, which is named after what is in it; nothing uses it yet.
 */
export async function fetchPackages(outDir: string, onProgress: (step: string) => void): Promise<string> {
  await mkdir(outDir, { recursive: true })
  const work = await mkdtemp(join(outDir, '.packages-'))
  try {
    // mmdebstrap may work as another user in a namespace of its own.
    await chmod(work, 0o755)
    const sources = await debianSources(suite)
    onProgress(`fetching the guest's Debian packages (${packages.join(', ')})`)
    const extracted = join(work, 'extracted')
    // The package files stay, for the inventory.
    await run('mmdebstrap', ['--quiet', '--variant=extract', '--skip=cleanup/apt', `--include=${packages.join(',')}`, suite, extracted, '-'], { input: `${sources.join('\n')}\n`, timeoutMs: 600_000 })
    onProgress("picking the guest's files")
    const picked = join(work, 'picked')
    await mkdir(picked)
    const inventory = await takeInventory(suite, join(extracted, 'var/cache/apt/archives'), extracted, await pick(extracted, picked))
    const [name, text] = writtenAs(inventory)
    await writeFile(join(picked, name), text)
    const target = join(outDir, `packages-${recipeHash()}-${inventoryHash(inventory)}`)
    await publishFolder(picked, target)
    return target
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

const linkOf = (outDir: string) => join(outDir, `packages-${recipeHash()}`)

/** The folder that images are made from, or undefined before the first fetch. */
export function currentPackages(outDir: string): Promise<string | undefined> {
  return realpath(linkOf(outDir)).catch(() => undefined)
}

/** From now on images are made from this folder. In one step, so that there always is one. */
export async function usePackages(outDir: string, folder: string): Promise<void> {
  const draft = join(outDir, `.link-${process.pid}`)
  await rm(draft, { force: true })
  await symlink(basename(folder), draft)
  await rename(draft, linkOf(outDir))
}

/** Removes the package folders that images are not made from any more. */
export async function sweepPackages(outDir: string): Promise<void> {
  const kept = [basename(linkOf(outDir)), basename((await currentPackages(outDir)) ?? '')]
  const old = (await readdir(outDir)).filter((name) => name.startsWith('packages-') && !kept.includes(name))
  await Promise.all(old.map((name) => rm(join(outDir, name), { recursive: true, force: true })))
}

/**
 * The few files the guest needs from Debian's packages, fetched and picked once per recipe; newer packages come by
 * {@link fetchPackages}. Returns its path.
 */
export async function packageRoot(outDir: string, onProgress: (step: string) => void): Promise<string> {
  const current = await currentPackages(outDir)
  if (current) return current
  const fetched = await fetchPackages(outDir, onProgress)
  await usePackages(outDir, fetched)
  return realpath(fetched)
}
