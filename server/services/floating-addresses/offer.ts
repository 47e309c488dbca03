import type { FloatingAddressOffer } from '@/domain/floating-address/offer'
import { addressPoolSpec } from '@/domain/address-pool/spec'
import { familyOf } from '@/domain/shared/ip'
import type { Scope } from '@/server/auth/scope'
import { listAddressPools } from '@/server/store/address-pools'
import { readQuota } from '@/server/store/floating-addresses'
import type { ServerContext } from '../context'

/** Of which pools the tenant may have addresses, and how many it has and may have. How full a pool is is the operators' to know. */
export async function offerFloatingAddresses({ db, config }: ServerContext, scope: Scope): Promise<FloatingAddressOffer> {
  const pools = (await listAddressPools(db)).map(({ name, spec }) => ({ name, ...addressPoolSpec.parse(spec) }))
  return {
    pools: pools.map(({ name, subnet: { cidr }, default: usual }) => ({ name, cidr, family: `IPv${familyOf(cidr)}` as const, default: usual })),
    quota: await readQuota(db, scope.tenantId, config.floatingAddressQuota),
  }
}
