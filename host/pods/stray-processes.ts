import { readdir, readFile } from 'node:fs/promises'
import { isWithin, placeOf, vmPlaceOf } from '@/host/hypervisor/vm-place'

/**
 * Kills every VM below the host's folder but those of the accounts `keep`: VMs of which the ledger knows nothing. Returns
 * how many. The account number alone does not tell: another agent on the machine may have the same ones.
 */
export async function killStrayProcesses(range: { first: number; last: number }, keep: ReadonlySet<number>, folder: string): Promise<number> {
  const ours = await placeOf(folder)
  let killed = 0
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
      killed += 1
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error
    }
  }
  return killed
}
