import { allocateBalancerAddresses } from '@/server/store/addresses'
import { setConditionIfThere, type ConditionChange } from '@/server/store/conditions'
import type { Change } from '@/server/store/change-feed'
import { inSnapshot, inTransaction, type DatabaseClient, type Transaction } from '@/server/store/database'
import { holdExternal } from '@/server/store/external-state'
import { takeAddress } from '@/server/store/floating-addresses'
import { bindBalancer, createBalancer, findTenantOfTarget, hasExternal, isServiceOutside, listExternalTenants, listSilentHosts, listTenantsOnHost, putCompiled, putHolding, removeBalancer, removeFreeAddress, setLeaving } from '@/server/store/load-balancers'
import { recordEvent } from '@/server/store/reports'
import type { Controller, ControlContext } from '../../runtime/controller'
import { eachApart } from '../../runtime/each-apart'
import { LostHosts } from './lost-hosts'
import { isIdle, planExternal, type ExternalPlan } from './plan'
import { ExternalCache, readWorld } from './read-world'
import type { Verdict } from './verdicts'
import type { World } from './world'

export type ExternalOptions = { /** How many addresses a tenant may have of which its row says nothing. */ defaultQuota: number; lostHosts?: LostHosts }

/** One step leads to the next: a row, an address, a host. More than these are left for the next wake. */
const maxSteps = 8
const maxCached = 20_000

/**
 * Keys are `tenant:<id>`, for all that a tenant has on the outside belongs together: an address goes from one to another. `pod:<uid>`, `service:<uid>` and `host:<id>` find
 * out which tenants a change concerns: most pods and services are no matter of it. The second controller waits for hosts that are silent.
 */
export function createExternalControllers({ defaultQuota, lostHosts = new LostHosts() }: ExternalOptions): Controller[] {
  const work = new TenantWork(defaultQuota, lostHosts, new ExternalCache())
  const reconcile: Controller['reconcile'] = async (ctx, key) => eachApart(await tenantsOf(ctx.db, key), (tenantId) => work.reconcile(ctx, tenantId))
  const allKeys: Controller['allKeys'] = async (ctx) => {
    work.forgetTold()
    return (await listExternalTenants(ctx.db)).map((id) => `tenant:${id}`)
  }
  return [
    { name: 'external', workers: 2, resyncSeconds: 60, keysOf, allKeys, reconcile },
    { name: 'external-hosts', workers: 1, resyncSeconds: 2, keysOf: () => [], allKeys: async (ctx) => [...lostHosts.find(await listSilentHosts(ctx.db))].map((id) => `host:${id}`), reconcile },
  ]
}

function keysOf({ kind, action, uid, tenantId }: Change): string[] {
  if (kind === 'FloatingAddress' || kind === 'LoadBalancer' || kind === 'Ingress' || (kind === 'Service' && action === 'deleted')) return tenantId ? [`tenant:${tenantId}`] : []
  if (kind === 'Secret' || (kind === 'Pod' && action === 'deleted')) return tenantId ? [`known:${tenantId}`] : []
  if (kind === 'Service') return [`service:${uid}`]
  if (kind === 'PodAssignment' && action === 'added') return [`pod:${uid}`]
  if (kind === 'AddressPool') return ['all:']
  return kind === 'Host' ? [`host:${uid}`] : []
}

async function tenantsOf(db: DatabaseClient, key: string): Promise<string[]> {
  const at = key.indexOf(':')
  const [kind, id] = [key.slice(0, at), key.slice(at + 1)]
  if (kind === 'host') return listTenantsOnHost(db, id)
  if (kind === 'all') return listExternalTenants(db)
  if (kind === 'known') return (await hasExternal(db, id)) ? [id] : []
  if (kind === 'tenant') return [id]
  if (kind === 'pod') return [await findTenantOfTarget(db, id)].flatMap((tenant) => tenant ?? [])
  const service = (await isServiceOutside(db, id)) ? await db.service.findUnique({ where: { uid: id }, select: { tenantId: true } }) : null
  return service ? [service.tenantId] : []
}

class TenantWork {
  constructor(
    private readonly defaultQuota: number,
    private readonly lostHosts: LostHosts,
    private readonly cache: ExternalCache,
  ) {}

  /** One at a time for a tenant: what is asked for meanwhile is one more turn after it, for all who ask. */
  async reconcile(ctx: ControlContext, tenantId: string): Promise<void> {
    const running = this.running.get(tenantId)
    if (running) {
      running.again = true
      return running.done
    }
    const turn = { again: false, done: Promise.resolve() }
    this.running.set(tenantId, turn)
    turn.done = this.turns(ctx, tenantId, turn).finally(() => this.running.delete(tenantId))
    return turn.done
  }

  /** What this process said last of objects may have been said otherwise by one that led before: it is said anew. */
  forgetTold(): void {
    this.told.clear()
  }

  private async turns(ctx: ControlContext, tenantId: string, turn: { again: boolean }): Promise<void> {
    do {
      turn.again = false
      await this.once(ctx, tenantId)
    } while (turn.again)
  }

  private async once(ctx: ControlContext, tenantId: string): Promise<void> {
    this.cache.clearBeyond(maxCached)
    const refusals = new Map<string, string>()
    for (let step = 0; step < maxSteps; step += 1) {
      const world = await inSnapshot(ctx.db, (tx) => readWorld(tx, tenantId, this.cache, (hosts) => this.lostHosts.find(hosts), refusals))
      if (await this.allocate(ctx.db, world, refusals)) continue
      const plan = planExternal(world)
      const written = isIdle(plan) ? 0 : await this.apply(ctx.db, tenantId, plan, refusals)
      if (written > 0) continue
      await this.tell(ctx.db, tenantId, plan.verdicts, refusals)
      return
    }
  }

  /** Gives balancers their addresses in their network; of those that get none it is kept why. Returns whether any got some. */
  private async allocate(db: DatabaseClient, world: World, refusals: Map<string, string>): Promise<boolean> {
    let any = false
    for (const { uid, networkId } of world.balancers.filter(({ inner, refusal }) => inner.length === 0 && refusal === '')) {
      const given = await inTransaction(db, (tx) => allocateBalancerAddresses(tx, networkId, uid))
      if ('refusal' in given) refusals.set(uid, given.refusal.message)
      any = true
    }
    return any
  }

  /** Writes what is planned, each where the row is still as it was. Returns how many rows were written. */
  private async apply(db: DatabaseClient, tenantId: string, plan: ExternalPlan, refusals: Map<string, string>): Promise<number> {
    let written = 0
    for (const part of inParts(plan.take.filter(({ source }) => !refusals.has(source.uid)))) {
      written += await inTransaction(db, async (tx) => {
        await holdExternal(tx, [tenantId])
        let taken = 0
        for (const { balancer, source } of part) {
          const given = await takeAddress(tx, tenantId, { name: managedName(source.name, balancer.uid), managed: true, defaultQuota: this.defaultQuota })
          if ('refusal' in given) refusals.set(source.uid, given.refusal.message)
          else taken += await putHolding(tx, given.taken.uid, { podUid: null, balancerUid: null, hostId: null }, { podUid: null, balancerUid: balancer.uid, hostId: null })
        }
        return taken
      })
    }
    for (const part of inParts(writesOf(plan))) {
      written += await inTransaction(db, async (tx) => {
        await holdExternal(tx, [tenantId])
        let rows = 0
        for (const write of part) rows += await write(tx)
        return rows
      }, { repeatable: true })
    }
    for (const part of inParts(plan.create)) {
      written += await inTransaction(db, async (tx) => {
        let made = 0
        for (const source of part) made += await createBalancer(tx, tenantId, source)
        return made
      })
    }
    return written
  }

  private async tell(db: DatabaseClient, tenantId: string, verdicts: readonly Verdict[], refusals: ReadonlyMap<string, string>): Promise<void> {
    const news = verdicts.flatMap((planned) => {
      const refusal = refusals.get(planned.uid)
      const verdict: Verdict = refusal === undefined || planned.kind === 'FloatingAddress' ? planned : { ...planned, status: 'False', reason: 'NoAddress', message: refusal }
      return this.told.get(verdict.uid) === JSON.stringify(verdict) ? [] : [verdict]
    })
    for (const part of inParts(news)) {
      await inTransaction(db, async (tx) => {
        await holdExternal(tx, [tenantId])
        for (const verdict of part) await tellOne(tx, tenantId, verdict)
      }, { repeatable: true })
      for (const verdict of part) this.told.set(verdict.uid, JSON.stringify(verdict))
    }
    if (this.told.size > maxCached) this.told.clear()
  }

  private readonly running = new Map<string, { again: boolean; done: Promise<void> }>()
  /** What was said last of each object by this process: it is not asked of again. */
  private readonly told = new Map<string, string>()
}

type Write = (tx: Transaction) => Promise<number>

/**
 * What changes of rows that are there, in the order in which it is written: each part of it leaves rows that mean what they say. What hosts wait for comes before what takes
 * long: who lets go, then who runs what, then who has which address there (the host of a balancer before that of its addresses; who loses one before who gets one, for a pod
 * has one of each family), then what balancers do.
 */
function writesOf(plan: ExternalPlan): Write[] {
  const losesFirst = sortByUid(plan.hold).sort((a, b) => Number(a.to.podUid !== null) - Number(b.to.podUid !== null))
  return [
    ...sortByUid(plan.leave).map(({ uid, hostId, leaving }): Write => (tx) => setLeaving(tx, uid, hostId, leaving)),
    ...sortByUid(plan.bind).map(({ uid, from, to }): Write => (tx) => bindBalancer(tx, uid, from, to)),
    ...losesFirst.map(({ uid, from, to }): Write => (tx) => putHolding(tx, uid, from, to)),
    ...sortByUid(plan.compile).map(({ uid, source }): Write => (tx) => putCompiled(tx, uid, source.compiled)),
    ...plan.removeAddresses.map((uid): Write => (tx) => removeFreeAddress(tx, uid)),
    ...plan.removeBalancers.map((uid): Write => (tx) => removeBalancer(tx, uid)),
  ]
}

async function tellOne(tx: Transaction, tenantId: string, { kind, uid, balancerUid, namespace, name, generation, status, reason, message }: Verdict): Promise<void> {
  const about = { objectUid: uid, objectKind: kind, type: kind === 'FloatingAddress' ? 'Associated' : 'LoadBalancer', status, reason, message, observedGeneration: generation } satisfies ConditionChange
  if (balancerUid) await setConditionIfThere(tx, { ...about, objectUid: balancerUid, objectKind: 'LoadBalancer' })
  if (!(await setConditionIfThere(tx, about)) || kind === 'FloatingAddress' || reason === 'Pending') return
  await recordEvent(tx, { tenantId, objectUid: uid, objectKind: kind, objectNamespace: namespace, objectName: name, type: status === 'True' ? 'Normal' : 'Warning', reason: status === 'True' ? 'LoadBalancerReady' : reason, message, source: 'external' })
}

/** So many rows are written in one transaction. */
const partSize = 50
const inParts = <T>(list: readonly T[]): T[][] => Array.from({ length: Math.ceil(list.length / partSize) }, (_, i) => list.slice(i * partSize, (i + 1) * partSize))

const sortByUid = <T extends { uid: string }>(list: readonly T[]): T[] => [...list].sort((a, b) => (a.uid < b.uid ? -1 : 1))

/** A name that says whose it is, and that no other of the tenant has. */
const managedName = (name: string, balancerUid: string): string => `${name.replace(/[^a-z0-9-]/g, '-').slice(0, 50).replace(/-+$/, '')}-${balancerUid.slice(0, 8)}`
