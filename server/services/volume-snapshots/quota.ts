import { DomainError } from '@/domain/shared/errors'
import { snapshotQuotaRefusal } from '@/domain/volume-snapshot/admission'
import type { Config } from '@/platform/config'
import type { Scope } from '@/server/auth/scope'
import type { Transaction } from '@/server/store/database'
import { readVolumeUse } from '@/server/store/volumes'

/** Refuses more snapshots than the tenant may have. It is held. */
export async function admitSnapshots(tx: Transaction, { volumeQuotas }: Pick<Config, 'volumeQuotas'>, scope: Scope, more: number): Promise<void> {
  const { used, limits } = await readVolumeUse(tx, scope, volumeQuotas)
  const refusal = snapshotQuotaRefusal(used, limits, more)
  if (refusal !== null) throw new DomainError('failed_precondition', refusal)
}
