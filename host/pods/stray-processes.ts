import { readdir, readFile } from 'node:fs/promises'

/** Kills every process of the host's account numbers but those of `keep`: VMs of which the ledger knows nothing. Returns how many. */
export async function killStrayProcesses(range: { first: number; last: number }, keep: ReadonlySet<number>): Promise<number> {
  let killed = 0
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name)) continue
    // A process may end while it is looked at.
    const status = await readFile(`/proc/${name}/status`, 'utf8').catch(() => '')
    const uid = Number(/^Uid:\s+(\d+)/m.exec(status)?.[1] ?? -1)
    if (uid < range.first || uid > range.last || keep.has(uid)) continue
    try {
      process.kill(Number(name), 'SIGKILL')
      killed += 1
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error
    }
  }
  return killed
}
