/** A store as a host sees it. `freeBytes`: less what was promised there and is not written yet; null: the host has not said how much is free. */
export type HostStore = { reachable: boolean; freeBytes: number | null }
/**
 * What a pod's volumes ask of its host. `problem`: one of them is not there, is deleted, or is a claim that has no volume yet; null: none. `homes`: those that lie on hosts' disks.
 * `stores`: those that they are in, with the bytes of volumes that will be made there, on the host's own disk or in a store that all hosts see.
 */
export type VolumeDemand = { problem: string | null; homes: readonly { hostId: string; volume: string }[]; stores: readonly { storeId: string; newBytes: number }[] }
/** A host as far as volumes go. `stores`: by their uid; one that it has said nothing of is one that it does not reach. */
export type VolumeHost = { id: string; stores?: ReadonlyMap<string, HostStore> | undefined }

export const fullStore = 'too little room in the store of its volumes'

/** Null where the host can have all of them, else why it cannot, as it is counted for the pod's condition. */
export function refuseVolumes(host: VolumeHost, { problem, homes: asked, stores }: VolumeDemand): string | null {
  if (problem !== null) return 'waiting for its volumes'
  const homes = new Set(asked.map(({ hostId }) => hostId))
  if (homes.size > 1) return 'without all of its volumes, which lie on disks of several hosts'
  if (homes.size === 1 && !homes.has(host.id)) return 'without its volume, which lies on the disk of another host'
  for (const { storeId, newBytes } of stores) {
    const store = host.stores?.get(storeId)
    if (!store?.reachable) return 'not reaching the store of its volumes'
    if (newBytes > 0 && (store.freeBytes === null || store.freeBytes < newBytes)) return fullStore
  }
  return null
}

/** What is told beside the count, with what helps; empty: nothing of volumes is in the way. `nameOf`: of a host. */
export function explainVolumes({ problem, homes }: VolumeDemand, nameOf: (hostId: string) => string): string {
  if (problem !== null) return problem
  const all = homes.map(({ hostId, volume }) => `"${volume}" on host "${nameOf(hostId)}"`)
  if (new Set(homes.map(({ hostId }) => hostId)).size > 1) return `Its volumes lie on disks of several hosts (${all.slice(0, 5).join(', ')}${all.length > 5 ? ` and ${all.length - 5} more` : ''}): clone some of them, so that all are on one host or in a store that all hosts see.`
  const [one] = homes
  return one ? `Its volume "${one.volume}" lies on the disk of host "${nameOf(one.hostId)}", and the pod can run on no other.` : ''
}

/** What is free there once this pod's new volumes are promised: the next pod of the same cycle sees it so. */
export function reserveVolumes(stores: ReadonlyMap<string, HostStore>, { stores: asked }: VolumeDemand): ReadonlyMap<string, HostStore> {
  const left = new Map(stores)
  for (const { storeId, newBytes } of asked) {
    const store = left.get(storeId)
    if (store && store.freeBytes !== null) left.set(storeId, { ...store, freeBytes: store.freeBytes - newBytes })
  }
  return left
}
