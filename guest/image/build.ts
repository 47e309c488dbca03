import { createHash } from 'node:crypto'
import { chmod, copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { build } from 'esbuild'
import { z } from 'zod'
import { packArchive, type ArchiveEntry } from '@/guest/image/cpio'
import { inventoryHash, readInventory } from '@/guest/image/inventory'
import { applets, directories, files, laterModules, modules } from '@/guest/image/recipe'
import { packageRoot } from '@/guest/image/package-root'
import { publishFolder } from '@/guest/image/publish'
import { sbom, sbomFile, type BundledPackage } from '@/guest/image/sbom'
import { version as agentVersion } from '@/package.json'

export interface GuestImage {
  /** Path of the kernel. */
  kernel: string
  /** Path of the initramfs. */
  initramfs: string
  /** A hash of all that went in, package versions included: equal versions are equal images. */
  version: string
  /** Path of its bill of materials, SPDX 2.3 in JSON. */
  sbom: string
}

export interface BuildOptions {
  /** Where images and the cache of package files are kept; made when missing. */
  outDir: string
  /** The folder of packages; by default the one that is in use, fetched where there is none. */
  packages?: string
  /** Told of each step, in a few words. */
  onProgress?: (step: string) => void
}

const here = import.meta.dirname

/** The agent as one file for QuickJS, whose own modules stay imports. */
async function bundleAgent(): Promise<{ code: Uint8Array; bundled: BundledPackage[] }> {
  const result = await build({
    entryPoints: [join(here, '../main.ts')],
    bundle: true,
    write: false,
    metafile: true,
    format: 'esm',
    target: 'es2023',
    platform: 'neutral',
    mainFields: ['module', 'main'],
    minifySyntax: true,
    minifyWhitespace: true,
    legalComments: 'none',
    alias: { '@': join(here, '../..') },
    plugins: [
      {
        name: 'quickjs-modules',
        setup(plugin) {
          plugin.onResolve({ filter: /^qjs:/ }, (found) => ({ path: found.path.slice('qjs:'.length), external: true }))
        },
      },
    ],
  })
  const output = result.outputFiles[0]
  if (!output) throw new Error('the bundler gave no output for the guest agent')
  return { code: output.contents, bundled: await bundledPackages(Object.keys(result.metafile.inputs)) }
}

const NpmPackage = z.object({ name: z.string(), version: z.string(), license: z.string().default('NOASSERTION') })

/** The npm packages that files below node_modules are of. */
async function bundledPackages(inputs: readonly string[]): Promise<BundledPackage[]> {
  const names = new Set(inputs.flatMap((path) => /(?:^|\/)node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1] ?? []))
  const described = [...names].sort().map(async (name) => NpmPackage.parse(JSON.parse(await readFile(join(here, '../../node_modules', name, 'package.json'), 'utf8'))))
  return (await Promise.all(described)).map(({ name, version, license }) => ({ name, version, licence: license }))
}

async function archiveEntries(root: string, agent: Uint8Array): Promise<ArchiveEntry[]> {
  const entries: ArchiveEntry[] = directories.map((path) => ({ kind: 'directory', path, mode: path === 'tmp' ? 0o1777 : 0o755 }))
  // The kernel opens /dev/console for init before devtmpfs is mounted.
  entries.push({ kind: 'character', path: 'dev/console', mode: 0o600, major: 5, minor: 1 })
  entries.push({ kind: 'file', path: 'init', mode: 0o755, content: await readFile(join(here, 'init.sh')) })
  for (const script of ['launch', 'terminal']) {
    entries.push({ kind: 'file', path: `libexec/${script}`, mode: 0o755, content: await readFile(join(here, `${script}.sh`)) })
  }
  entries.push({ kind: 'file', path: 'libexec/agent.js', mode: 0o644, content: agent })
  for (const path of Object.values(files)) {
    entries.push({ kind: 'file', path, mode: 0o755, content: await readFile(join(root, path)) })
  }
  for (const [index, module] of modules.entries()) {
    const name = `${String(index).padStart(2, '0')}-${module.split('/').at(-1) ?? module}.ko`
    entries.push({ kind: 'file', path: `lib/modules/${name}`, mode: 0o644, content: await readFile(join(root, 'lib/modules', name)) })
  }
  for (const module of laterModules) {
    const path = `lib/modules/later/${basename(module)}.ko.xz`
    entries.push({ kind: 'file', path, mode: 0o644, content: await readFile(join(root, path)) })
  }
  for (const applet of applets) entries.push({ kind: 'symlink', path: `bin/${applet}`, target: 'busybox' })
  entries.push({ kind: 'file', path: 'etc/passwd', mode: 0o644, content: Buffer.from('root:x:0:0:root:/:/bin/sh\n') })
  entries.push({ kind: 'file', path: 'etc/group', mode: 0o644, content: Buffer.from('root:x:0:\n') })
  return entries
}

/**
 * Makes HyperKernel and HyperStart: the kernel and an initramfs with the agent as PID 1, from
 * Debian packages of the machine's own mirror. What exists for the same inputs is used again:
 * a changed agent alone needs no packages. Throws where mmdebstrap or a listed file is missing.
 */
export async function buildGuestImage({ outDir, packages, onProgress = () => {} }: BuildOptions): Promise<GuestImage> {
  await mkdir(outDir, { recursive: true })
  const root = packages ?? (await packageRoot(outDir, onProgress))
  onProgress('bundling the guest agent')
  const { code, bundled } = await bundleAgent()
  const entries = await archiveEntries(root, code)
  const [archive, kernel, inventory] = [packArchive(entries), await readFile(join(root, 'vmlinuz')), await readInventory(root)]
  const version = createHash('sha256').update(archive).update(kernel).update(inventoryHash(inventory)).digest('hex').slice(0, 16)
  const target = join(outDir, version)
  const image: GuestImage = { kernel: join(target, 'vmlinuz'), initramfs: join(target, 'initramfs'), version, sbom: join(target, sbomFile) }
  if ((await readFile(join(target, 'version'), 'utf8').catch(() => '')) === version) return image
  onProgress(`writing guest image ${version}`)
  const draft = await mkdtemp(join(outDir, '.draft-'))
  try {
    // QEMU reads them without privileges.
    await chmod(draft, 0o755)
    await copyFile(join(root, 'vmlinuz'), join(draft, 'vmlinuz'))
    await writeFile(join(draft, 'initramfs'), archive)
    const files = [{ path: 'vmlinuz', content: kernel }, ...entries.flatMap((entry) => (entry.kind === 'file' ? [{ path: entry.path, content: entry.content }] : []))]
    await writeFile(join(draft, sbomFile), JSON.stringify(sbom({ version, inventory, files, agentVersion, bundled }), null, 1))
    await writeFile(join(draft, 'version'), version)
    await publishFolder(draft, target)
  } finally {
    await rm(draft, { recursive: true, force: true })
  }
  return image
}
