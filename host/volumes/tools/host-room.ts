import { statfs } from 'node:fs/promises'

/** Of the disk on which the agent's own files and pods' are: whoever unpacks leaves so much of it. Bytes. */
const mostReserve = 10 * 2 ** 30

/** How many bytes may be written to a folder of this host, beside what everything else on its disk needs. */
export async function hostRoom(folder: string): Promise<number> {
  const { blocks, bavail, bsize } = await statfs(folder)
  return Math.max(0, bavail * bsize - Math.min(mostReserve, (blocks * bsize) / 10))
}
