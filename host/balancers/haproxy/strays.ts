import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { isRunning } from '@/host/hypervisor/process-identity'
import { releaseJailUid, reserveJailUid } from '@/host/images/jail/jail'
import { MemoryFolder } from './memory-folder'
import { endHaproxy, killStrayHaproxies } from './process'
import { savedIn } from './saved-state'

/** Keeps the account of a balancer that an earlier agent left in this folder from everybody else, before the balancer itself is taken up. */
export async function reserveBalancerAccount(folder: string): Promise<void> {
  const saved = await savedIn(folder)
  if (saved) reserveJailUid(saved.uid)
}

/** Ends the HAProxy that is written down in the folder of a balancer, and removes all that the balancer has here. */
export async function removeBalancerFolder(folder: string): Promise<void> {
  const saved = await savedIn(folder)
  if (saved?.process) await endHaproxy(saved.process)
  await new MemoryFolder(join(folder, 'memory'), 0).remove()
  await rm(folder, { recursive: true, force: true })
  if (saved) releaseJailUid(saved.uid)
}

/**
 * Ends every HAProxy of the balancers of one folder (a folder each, called as the balancer) that is not written down there: of an agent that died before it could. One look at all processes of
 * the machine for all of them, so before any is begun. Returns how many processes.
 */
export async function endUnwrittenHaproxies(folder: string): Promise<number> {
  const written = await Promise.all((await readdir(folder)).map(async (uid) => (await savedIn(join(folder, uid)))?.process ?? null))
  const running = await Promise.all(written.map(async (record) => (record && (await isRunning(record.identity, record.uid)) ? record.identity.pid : null)))
  return killStrayHaproxies(folder, new Set(running.filter((pid) => pid !== null)))
}

/** Removes what is left of all balancers but those that are kept as it comes to them: removing takes long, and balancers come meanwhile. Says of how many. One that cannot be removed is told, and costs no other. */
export async function removeFoldersBut(folder: string, isKept: (uid: string) => boolean, failed: (uid: string, error: unknown) => void): Promise<number> {
  let removed = 0
  for (const uid of await readdir(folder)) {
    if (isKept(uid)) continue
    await removeBalancerFolder(join(folder, uid)).then(() => (removed += 1), (error: unknown) => failed(uid, error))
  }
  return removed
}
