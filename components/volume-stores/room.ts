import { isShared, type VolumeStoreSpec } from '@/domain/volume-store/spec'
import type { VolumeStoreHost } from '@/domain/volume-store/view'

/** How much room a store has, in bytes: of a shared one all hosts say the same, and the least that is free counts; of another each has its own. Null: none has said. */
export function roomOf(spec: VolumeStoreSpec, hosts: readonly VolumeStoreHost[]): { totalBytes: number; usedBytes: number } | null {
  const told = hosts.flatMap(({ totalBytes, freeBytes }) => (totalBytes === null || freeBytes === null ? [] : [{ totalBytes, usedBytes: totalBytes - freeBytes }]))
  if (told.length === 0) return null
  if (isShared(spec)) return told.reduce((most, each) => (each.usedBytes > most.usedBytes ? each : most))
  return { totalBytes: told.reduce((sum, each) => sum + each.totalBytes, 0), usedBytes: told.reduce((sum, each) => sum + each.usedBytes, 0) }
}
