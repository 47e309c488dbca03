import { DomainError } from '@/domain/shared/errors'

/** Uploads under way at a time: of one tenant, and in this process. */
const maxOfTenant = 2
const maxInAll = 16
const underWay = new Map<string, number>()

/** Does the work of one upload, if the tenant and this process may have one more. Throws rate_limited. */
export async function oneMore<T>(tenantId: string, work: () => Promise<T>): Promise<T> {
  const own = underWay.get(tenantId) ?? 0
  const all = [...underWay.values()].reduce((sum, count) => sum + count, 0)
  if (own >= maxOfTenant || all >= maxInAll) throw new DomainError('rate_limited', own >= maxOfTenant ? `${maxOfTenant} uploads of this tenant are under way: wait for one to end.` : 'Too many uploads are under way: try again in a moment.')
  underWay.set(tenantId, own + 1)
  try {
    return await work()
  } finally {
    const left = (underWay.get(tenantId) ?? 1) - 1
    if (left > 0) underWay.set(tenantId, left)
    else underWay.delete(tenantId)
  }
}
