import { readdir, readFile } from 'node:fs/promises'
import { isWithin, placeOf, vmPlaceOf } from '@/host/hypervisor/vm-place'

/** What was ended: how many processes, and the pods whose VMs they were. */
export type Strays = { killed: number; podUids: string[] }

/**
 * Kills every VM below the host's folder but those of the accounts `keep`: VMs of which the ledger knows nothing. The
 * account number alone does not tell: another agent on the machine may have the same ones.
 */
export async function killStrayProcesses(range: { first: number; last: number }, keep: ReadonlySet<number>, folder: string): Promise<Strays> {
  const ours = await placeOf(folder)
  const strays: Strays = { killed: 0, podUids: [] }
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name)) continue
    // A process may end while it is looked at.
    const status = await readFile(`/proc/${name}/status`, 'utf8').catch(() => '')
    const uid = Number(/^Uid:\s+(\d+)/m.exec(status)?.[1] ?? -1)
    if (uid < range.first || uid > range.last || keep.has(uid)) continue
    const place = await vmPlaceOf(Number(name))
    if (!place || !isWithin(place, ours)) continue
    try {
      process.kill(Number(name), 'SIGKILL')
      strays.killed += 1
      const podUid = podOf.exec(place.path.slice(ours.path.length))?.[1]
      if (podUid && !strays.podUids.includes(podUid)) strays.podUids.push(podUid)
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error
    }
  }
  return strays
}

/** Each pod has a folder of its uid's name. */
const podOf = /^\/pods\/([0-9a-f-]{36})(?:\/|$)/
