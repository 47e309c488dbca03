import { createHash } from 'node:crypto'
import { chmod, mkdir, mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { debianMirror } from '@/guest/image/apt-sources'
import { publishFolder } from '@/guest/image/publish'
import { suite } from '@/guest/image/recipe'
import { run } from '@/platform/exec'
import { withLock } from '@/tools/process/file-lock.mjs'
import { tarArchive } from '../../tar/archive'
import type { DebianRecipe } from './recipes'

const cache = join(import.meta.dirname, '../../../../node_modules/.cache/hypernetes-images')
/** What Debian's own slim images leave out. */
const slim = ['/usr/share/doc/*', '/usr/share/man/*', '/usr/share/info/*', '/usr/share/locale/*', '/usr/share/i18n/*']

/** The one tag in a layout. */
const tag = 'latest'

/**
 * An image of a recipe as an OCI layout, `FOLDER:TAG` as umoci and skopeo name it: Debian's packages from the machine's own
 * mirror in the lower layer, the recipe's files in the upper one. Made once per recipe; remove the cache for newer packages.
 */
export async function debianImage(recipe: DebianRecipe): Promise<string> {
  const target = join(cache, createHash('sha256').update(JSON.stringify([2, suite, slim, recipe])).digest('hex').slice(0, 16))
  const isThere = async () => (await stat(target).catch(() => undefined)) !== undefined
  if (await isThere()) return `${target}:${tag}`
  await mkdir(cache, { recursive: true })
  // Tests that run side by side pull the same: one waits for the other.
  return withLock(`${target}.lock`, async () => {
    if (!(await isThere())) await make(recipe, target)
    return `${target}:${tag}`
  }, { waitMs: 600_000 })
}

async function make(recipe: DebianRecipe, target: string): Promise<void> {
  const work = await mkdtemp(join(cache, '.draft-'))
  try {
    // mmdebstrap and dpkg may work as other users.
    await chmod(work, 0o755)
    const [lower, upper, layout] = [join(work, 'lower.tar'), join(work, 'upper.tar'), join(work, 'layout')]
    await install(recipe, lower)
    await writeFile(upper, tarArchive(recipe.files))
    const image = `${layout}:${tag}`
    await run('umoci', ['init', '--layout', layout])
    await run('umoci', ['new', '--image', image])
    for (const layer of [lower, upper]) await run('umoci', ['raw', 'add-layer', '--image', image, layer], { timeoutMs: 120_000 })
    await run('umoci', ['config', '--image', image, ...configuration(recipe.config)])
    await publishFolder(layout, target)
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

async function install({ packages, without = [], setUp = [] }: DebianRecipe, tar: string): Promise<void> {
  const excluded = [...slim, ...without].map((path) => `--dpkgopt=path-exclude=${path}`)
  const hooks = setUp.map((command) => `--customize-hook=chroot "$1" ${command}`)
  await run('mmdebstrap', ['--quiet', '--variant=essential', '--skip=cleanup/run', `--include=${packages.join(',')}`, ...excluded, ...hooks, suite, tar, await debianMirror()], { timeoutMs: 600_000 })
}

function configuration({ entrypoint = [], cmd, env, user, workingDir, ports = [], stopSignal, volume }: DebianRecipe['config']): string[] {
  const each = (name: string, values: readonly (string | undefined)[]) => values.flatMap((value) => (value === undefined ? [] : [`--config.${name}=${value}`]))
  return [
    ...[...each('entrypoint', entrypoint), ...each('cmd', cmd), ...each('env', env), ...each('user', [user]), ...each('workingdir', [workingDir])],
    ...[...each('exposedports', ports), ...each('stopsignal', [stopSignal]), ...each('volume', [volume])],
  ]
}
