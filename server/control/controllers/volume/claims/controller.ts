import { listClaimsForSnapshot, listClaimsForVolume, listDeletedClaims, listGrowingClaims, listMislabelledClaims, listUnboundClaims } from '@/server/store/claim-binding'
import type { Change } from '@/server/store/change-feed'
import type { Controller } from '../../../runtime/controller'
import { reconcileClaim, type ClaimOptions } from './bind'

/** Keys are `claim:<uid>`; `unbound:<tenant>` are the claims of a tenant that have no volume, or of all tenants, and `deleted:<tenant>` those that wait for the last pod that names them; `volume:<uid>` and `snapshot:<uid>` those that name it and have none, wait for the last pod that has it, or are told that it grows. */
export function createClaimController(options: ClaimOptions): Controller {
  return {
    name: 'volume-claims',
    workers: 2,
    resyncSeconds: 20,
    keysOf,
    allKeys: async ({ db }) => [...new Set([...(await listUnboundClaims(db)), ...(await listDeletedClaims(db)), ...(await listGrowingClaims(db)), ...(await listMislabelledClaims(db))])].map(claimKey),
    reconcile: async ({ db }, key) => {
      const at = key.indexOf(':')
      const [kind, id] = [key.slice(0, at), key.slice(at + 1)]
      if (kind === 'claim') return reconcileClaim(db, id, options)
      if (kind === 'volume') return (await listClaimsForVolume(db, id)).map(claimKey)
      if (kind === 'snapshot') return (await listClaimsForSnapshot(db, id)).map(claimKey)
      const tenantId = id === '' ? undefined : id
      return (await (kind === 'unbound' ? listUnboundClaims(db, tenantId) : listDeletedClaims(db, tenantId))).map(claimKey)
    },
  }
}

const claimKey = (uid: string): string => `claim:${uid}`

/** Of volumes and snapshots, what may let a claim have one: of one that changes, those that name it, for it changes with each thing that its host says; of one that comes or goes, all, for there may be room in the quota. Of pods, that one has gone; one that has ended is found in time. */
function keysOf({ kind, action, uid, tenantId }: Change): string[] {
  const ofTenant = tenantId === null ? [] : [`unbound:${tenantId}`]
  if (kind === 'VolumeClaim') return action === 'deleted' ? [`unbound:${tenantId ?? ''}`] : [claimKey(uid)]
  if (kind === 'Pod') return action === 'deleted' && tenantId !== null ? [`deleted:${tenantId}`] : []
  if (kind === 'Volume') return action === 'modified' ? [`volume:${uid}`] : ofTenant
  if (kind === 'VolumeSnapshot') return action === 'modified' ? [`snapshot:${uid}`] : ofTenant
  return kind === 'StorageClass' ? ['unbound:'] : []
}
