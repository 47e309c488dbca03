import { readdir } from 'node:fs/promises'
import { userOf } from '@/host/hypervisor/process-identity'
import { isWithin, placeOf, vmPlaceOf, type Place } from '@/host/hypervisor/vm-place'
import { codeOf } from '@/platform/error-code'

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
    const uid = await userOf(Number(name))
    if (uid === undefined || uid < range.first || uid > range.last || keep.has(uid)) continue
    const place = await vmPlaceOf(Number(name))
    if (!place || !isWithin(place, ours)) continue
    try {
      process.kill(Number(name), 'SIGKILL')
      strays.killed += 1
      const podUid = podUidOf(place, ours)
      if (podUid && !strays.podUids.includes(podUid)) strays.podUids.push(podUid)
    } catch (error) {
      if (codeOf(error) !== 'ESRCH') throw error
    }
  }
  return strays
}

/** The pod whose VM lies there: each has a folder of its uid's name in the host's. */
export const podUidOf = (place: Place, host: Place): string | undefined => /^\/pods\/([0-9a-f-]{36})(?:\/|$)/.exec(place.path.slice(host.path.length))?.[1]
