import { mkdir, mkdtemp, readdir, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { run } from '@/platform/exec'

/** Templates that hosts of tests have made, each in a folder named as its host named it: what it depends on, its size, a number of its own. */
const cache = join(import.meta.dirname, '../../../node_modules/.cache/hypernetes-templates')
const draftPrefix = '.draft-'
/** A copy takes a minute at most: an older draft is of a run that was killed, and holds a machine's memory. */
const oldestDraftMs = 600_000

const templatesOf = (hostFolder: string) => join(hostFolder, 'templates/pristine')
const generationOf = (name: string) => name.split('-', 1)[0]
const kindOf = (name: string) => name.slice(0, name.lastIndexOf('-'))
const namesIn = async (folder: string) => (await readdir(folder).catch((): string[] => [])).filter((name) => /^[0-9a-f]{16}-/.test(name))
/** With the holes of a memory that is mostly empty. */
const copy = (from: string, to: string) => run('cp', ['-a', '--sparse=always', '--reflink=auto', '--', from, to], { timeoutMs: 60_000 })

/**
 * Puts templates where a host that is opened in this folder finds them: making one takes a boot, and none holds anything of
 * the host that made it. A host makes anew what does not fit its QEMU and its guest, or is not as it was made.
 */
export async function lendTemplates(hostFolder: string): Promise<void> {
  await mkdir(join(hostFolder, 'templates'), { recursive: true, mode: 0o711 })
  await mkdir(templatesOf(hostFolder), { recursive: true, mode: 0o711 })
  for (const name of await namesIn(cache)) {
    const target = join(templatesOf(hostFolder), name)
    // Another test may put a newer one in its place just now.
    await copy(join(cache, name), target).catch(() => rm(target, { recursive: true, force: true }))
  }
}

/** Keeps what a host made for the tests that follow, in place of what it would not take. Call it once the host is closed. */
export async function keepTemplates(hostFolder: string): Promise<void> {
  await mkdir(cache, { recursive: true })
  await sweepDrafts()
  const known = await namesIn(cache)
  for (const name of (await namesIn(templatesOf(hostFolder))).filter((each) => !known.includes(each))) {
    if (!(await stat(join(templatesOf(hostFolder), name, 'ready')).catch(() => null))) continue
    const draft = await mkdtemp(join(cache, draftPrefix))
    await copy(join(templatesOf(hostFolder), name), draft)
    await rename(join(draft, name), join(cache, name))
    await rm(draft, { recursive: true, force: true })
    const old = known.filter((each) => kindOf(each) === kindOf(name) || generationOf(each) !== generationOf(name))
    for (const each of old) await rm(join(cache, each), { recursive: true, force: true })
  }
}

async function sweepDrafts(): Promise<void> {
  for (const name of (await readdir(cache)).filter((each) => each.startsWith(draftPrefix))) {
    const made = await stat(join(cache, name)).catch(() => null)
    if (made && Date.now() - made.mtimeMs > oldestDraftMs) await rm(join(cache, name), { recursive: true, force: true })
  }
}
