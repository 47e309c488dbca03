import type { BackendServers } from '@/contracts/host/v1/external'

/** How many servers one connection of a host is told of, by balancer: what a tenant may have there is counted over all of its balancers, also where some alone are read. */
export class ToldServers {
  private readonly told = new Map<string, { tenantId: string; servers: number }>()

  /** Of each tenant, those of balancers that are not read now; with null all are. */
  elsewhere(read: ReadonlySet<string> | null): Map<string, number> {
    const counts = new Map<string, number>()
    if (read === null) return counts
    for (const [uid, { tenantId, servers }] of this.told) if (!read.has(uid)) counts.set(tenantId, (counts.get(tenantId) ?? 0) + servers)
    return counts
  }

  /** Notes what there is of the balancers that were read. */
  note(read: ReadonlySet<string> | null, balancers: readonly { uid: string; tenantId: string }[], servers: readonly BackendServers[]): void {
    if (read === null) this.told.clear()
    for (const uid of read ?? []) this.told.delete(uid)
    for (const { uid, tenantId } of balancers) this.told.set(uid, { tenantId, servers: 0 })
    for (const { balancerUid, servers: own } of servers) {
      const of = this.told.get(balancerUid)
      if (of) of.servers += own.length
    }
  }
}
