import type { BackendServers } from '@/contracts/host/v1/external'

type Told = { tenantId: string; servers: number; isCut: boolean }

/** How many servers one connection of a host is told of, by balancer: what a tenant may have there is counted over all of its balancers, also where some alone are read. */
export class ToldServers {
  private readonly told = new Map<string, Told>()

  /** Of each tenant, those of balancers that are not read now; with null all are. */
  elsewhere(read: ReadonlySet<string> | null): Map<string, number> {
    return read === null ? new Map() : this.counts((uid) => !read.has(uid))
  }

  /**
   * Notes what there is of the balancers that were read, and which of them had not room for all (`leftOut`). Says which others of their tenants may have room now: those that had none for all, where the
   * tenant has fewer than before.
   */
  note(read: ReadonlySet<string> | null, balancers: readonly { uid: string; tenantId: string }[], servers: readonly BackendServers[], leftOut: readonly { balancerUid: string }[]): string[] {
    const before = this.counts()
    if (read === null) this.told.clear()
    for (const uid of read ?? []) this.told.delete(uid)
    for (const { uid, tenantId } of balancers) this.told.set(uid, { tenantId, servers: 0, isCut: leftOut.some(({ balancerUid }) => balancerUid === uid) })
    for (const { balancerUid, servers: own } of servers) {
      const of = this.told.get(balancerUid)
      if (of) of.servers += own.length
    }
    if (read === null) return []
    const now = this.counts()
    return [...this.told].filter(([uid, { tenantId, isCut }]) => isCut && !read.has(uid) && (now.get(tenantId) ?? 0) < (before.get(tenantId) ?? 0)).map(([uid]) => uid)
  }

  private counts(isCounted: (uid: string) => boolean = () => true): Map<string, number> {
    const counts = new Map<string, number>()
    for (const [uid, { tenantId, servers }] of this.told) if (isCounted(uid)) counts.set(tenantId, (counts.get(tenantId) ?? 0) + servers)
    return counts
  }
}
