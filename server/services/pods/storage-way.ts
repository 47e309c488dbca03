import { asksForStorageNetwork, storageNetworkAnnotation } from '@/domain/pod/storage-network'
import { annotations as storedAnnotations, type Labels } from '@/domain/shared/names'
import type { Config } from '@/platform/config'
import type { Scope } from '@/server/auth/scope'
import type { Transaction } from '@/server/store/database'
import { countOnNetworkStores } from '@/server/store/volume-stores'
import { readVolumeUse } from '@/server/store/volumes'
import { refusedAt } from '../networks/object-lists'

/** `before`: what the pod's row says now: of one that asks already it is not looked at again, for its virtual machine may have the way. */
type Asked = { annotations: Labels; before?: unknown }

/**
 * Refuses a pod that asks by its annotation for the way to stores of volumes on the network where its tenant has no volume there, and may have none: it would reach daemons of Ceph, and have no use for it. A pod whose
 * spec names such a volume has the way without asking.
 */
export async function admitStorageWay(tx: Transaction, { config }: { config: Pick<Config, 'volumeQuotas'> }, scope: Scope, { annotations, before = {} }: Asked): Promise<void> {
  if (!asksForStorageNetwork(annotations) || asksForStorageNetwork(storedAnnotations.catch({}).parse(before))) return
  const { classes, volumes } = await countOnNetworkStores(tx, scope)
  if (volumes > 0) return
  if (classes === 0) throw refused('no storage class has volumes there')
  const { limits } = await readVolumeUse(tx, scope, config.volumeQuotas)
  if (limits.volumes === 0 || limits.bytes === 0) throw refused('the tenant’s quota of volumes is 0')
}

const refused = (cause: string) => refusedAt(`metadata.annotations["${storageNetworkAnnotation}"]`, `asks for the way to stores of volumes on the network, and ${cause}: leave it out, or ask the operator`)
