import type { Hold } from './hold'

/** What a guest says of a volume's file system, in bytes. `name`: as the pod's VM knows it. `halted`: its kernel lets nobody write to it any more. */
export type DiskUsage = { name: string; fsBytes: number; usedBytes: number; halted?: boolean | undefined }
type Known = Pick<Hold, 'state' | 'fsBytes' | 'usedBytes' | 'isHalted'>

/** What changes by less than this part of a file system is told to nobody: each report is a row that is written, and pages that read it again. */
const leastTold = 0.005

/** Takes what a guest says now of a volume that it has mounted. True: it is so much another than what was told last that it is told again. */
function takeUsage(hold: Known, { fsBytes, usedBytes, halted = false }: DiskUsage): boolean {
  if (hold.state !== 'mounted') return false
  const isOther = hold.isHalted !== halted
  hold.isHalted = halted
  if (!isOther && hold.fsBytes === fsBytes && hold.usedBytes !== null && Math.abs(hold.usedBytes - usedBytes) < fsBytes * leastTold) return false
  hold.fsBytes = fsBytes
  hold.usedBytes = usedBytes
  return true
}

type Volumes = ReadonlyMap<string, { state: { holds: ReadonlyMap<string, Known & Pick<Hold, 'name'>> } }>

/** Which volumes of a pod are to be told again after what its guest says of them. */
export const usageChanges = (volumes: Volumes, podUid: string, disks: readonly DiskUsage[]): string[] =>
  [...volumes].flatMap(([uid, { state: { holds } }]) => {
    const hold = holds.get(podUid)
    const disk = hold && disks.find(({ name }) => name === hold.name)
    return hold && disk && takeUsage(hold, disk) ? [uid] : []
  })
