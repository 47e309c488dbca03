import type { Logger } from '@/platform/logger'
import { maxServersOfBackend, maxServersOfBalancer, maxServersOfTenant, type LeftOut } from '@/server/drivers/native/external/objects'
import { listStoredConditions, setConditionsIfThere } from '@/server/store/conditions'
import { inTransaction, type DatabaseClient } from '@/server/store/database'
import { listBalancerSources } from '@/server/store/external-state'

const type = 'ServersComplete'
const count = (n: number): string => n.toLocaleString('en')
// No number of those that are left out: it would be another one with each pod.
const verdictOf = (isComplete: boolean) => (isComplete
  ? { status: 'True' as const, reason: 'AllCarriedOut', message: 'Its host carries out all of its servers.' }
  : { status: 'False' as const, reason: 'TooManyServers', message: `Hosts carry out ${count(maxServersOfBackend)} servers of a backend, ${count(maxServersOfBalancer)} of a load balancer and ${count(maxServersOfTenant)} of a tenant’s on one host: the rest of this one gets no connections. Use fewer pods a service, or load balancers more.` })

/** What one connection of a host has said of balancers that have more servers than hosts are told. */
export class LeftOutServers {
  private readonly complete = new Map<string, boolean>()

  /** Says it of the balancers and of what asked for them, and that it is over, once it is. Those of which all was always carried out have no such condition. */
  async tell({ db, log }: { db: DatabaseClient; log: Logger }, balancers: readonly { uid: string }[], leftOut: readonly LeftOut[]): Promise<void> {
    await this.say(db, balancers, leftOut).catch((err: unknown) => log.warn({ err }, 'that balancers have more servers than hosts are told could not be said: it is tried again with the next change of them'))
  }

  private async say(db: DatabaseClient, balancers: readonly { uid: string }[], leftOut: readonly LeftOut[]): Promise<void> {
    const without = new Set(leftOut.map(({ balancerUid }) => balancerUid))
    const changed = balancers.map(({ uid }) => uid).filter((uid) => this.complete.get(uid) !== !without.has(uid))
    if (changed.length === 0) return
    const over = new Set((await listStoredConditions(db, changed, [type])).flatMap(({ objectUid, status }) => (status === 'False' ? [objectUid] : [])))
    const told = changed.filter((uid) => without.has(uid) || over.has(uid))
    const sources = told.length === 0 ? [] : await listBalancerSources(db, told)
    const changes = sources.flatMap(({ uid, generation, source, sourceUid }) => {
      const about = { type, observedGeneration: generation, ...verdictOf(!without.has(uid)) }
      return [{ ...about, objectUid: uid, objectKind: 'LoadBalancer' as const }, { ...about, objectUid: sourceUid, objectKind: source }]
    })
    if (changes.length > 0) await inTransaction(db, (tx) => setConditionsIfThere(tx, changes), { repeatable: true })
    for (const uid of changed) this.complete.set(uid, !without.has(uid))
  }
}
