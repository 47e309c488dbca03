import { createHash } from 'node:crypto'
import { chmod, copyFile, mkdir, mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { debianMirror } from '@/guest/image/apt-sources'
import { files, modules, packages, suite } from '@/guest/image/recipe'
import { publishFolder } from '@/guest/image/publish'
import { run } from '@/platform/exec'

const maxModuleBytes = 64 * 1024 * 1024

function recipeHash(): string {
  return createHash('sha256').update(JSON.stringify([suite, packages, files, modules])).digest('hex').slice(0, 12)
}

async function pick(extracted: string, picked: string): Promise<void> {
  for (const [from, to] of Object.entries(files)) {
    await mkdir(dirname(join(picked, to)), { recursive: true })
    await copyFile(join(extracted, from), join(picked, to))
  }
  const [release, ...others] = await readdir(join(extracted, 'usr/lib/modules'))
  if (!release || others.length > 0) throw new Error('the guest packages do not hold exactly one kernel')
  await copyFile(join(extracted, 'boot', `vmlinuz-${release}`), join(picked, 'vmlinuz'))
  await mkdir(join(picked, 'lib/modules'), { recursive: true })
  // Debian compresses modules; the static busybox of the package root runs here as well.
  const busybox = join(extracted, 'usr/bin/busybox')
  for (const [index, module] of modules.entries()) {
    const name = `${String(index).padStart(2, '0')}-${module.split('/').at(-1) ?? module}.ko`
    const packed = join(picked, 'lib/modules', `${name}.xz`)
    await copyFile(join(extracted, 'usr/lib/modules', release, 'kernel', `${module}.ko.xz`), packed)
    await run(busybox, ['unxz', packed], { maxOutput: maxModuleBytes })
  }
}

/**
 * The few files the guest needs from Debian's packages, fetched and picked once per recipe into
 * `<outDir>/packages-<hash>`; remove that folder to fetch newer packages. Returns its path.
 */
export async function packageRoot(outDir: string, onProgress: (step: string) => void): Promise<string> {
  const target = join(outDir, `packages-${recipeHash()}`)
  if (await stat(target).catch(() => undefined)) return target
  const work = await mkdtemp(join(outDir, '.packages-'))
  try {
    // mmdebstrap may work as another user in a namespace of its own.
    await chmod(work, 0o755)
    const mirror = await debianMirror()
    onProgress(`fetching the guest's Debian packages (${packages.join(', ')})`)
    const extracted = join(work, 'extracted')
    await run('mmdebstrap', ['--quiet', '--variant=extract', `--include=${packages.join(',')}`, suite, extracted, mirror], { timeoutMs: 600_000 })
    onProgress("picking the guest's files")
    const picked = join(work, 'picked')
    await mkdir(picked)
    await pick(extracted, picked)
    await publishFolder(picked, target)
  } finally {
    await rm(work, { recursive: true, force: true })
  }
  return target
}
