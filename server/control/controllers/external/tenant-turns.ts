import { allocateBalancerAddresses } from '@/server/store/addresses'
import { inSnapshot, type DatabaseClient } from '@/server/store/database'
import { hasExternal } from '@/server/store/load-balancers'
import { applyPlan, type Refusals } from './apply'
import { inBriefTransaction } from './brief-transaction'
import type { LostHosts } from './lost-hosts'
import { isIdle, planExternal } from './plan'
import { readWorld } from './read-world'
import { SourceCache, SourceReader } from './sources'
import { Conditions } from './tell'
import { withoutSecond, type Verdict } from './verdicts'
import type { World } from './world'

/** What was found out for a tenant since something was done for it last: it is asked of once. */
class Work {
  readonly refusals: Refusals = { bySource: new Map(), bySecond: new Map(), forAll: new Map() }
  /** Why balancers get no address in their network, by their uids, and networks that have none. */
  readonly ofBalancers = new Map<string, string>()
  readonly ofNetworks = new Map<string, string>()
  readonly reader: SourceReader
  constructor(cache: SourceCache) {
    this.reader = new SourceReader(cache)
  }
}

/** So many balancers get an address in their network before other tenants have their turn. */
const maxAllocated = 100

/**
 * The work for a tenant, a turn at a time: one step towards what shall be, of bounded size, and then others have their turn. A row leads to an address, that to a host; what is
 * left is told by the return value.
 */
export class TenantTurns {
  private readonly cache = new SourceCache()
  private readonly conditions = new Conditions()
  private readonly works = new Map<string, Work>()
  private readonly running = new Map<string, Promise<unknown>>()

  constructor(private readonly options: { defaultQuota: number; lostHosts: LostHosts; onTurn?: (tenantId: string) => void }) {}

  /** What this process found out before another one led may be so no longer. */
  forget(): void {
    this.conditions.forget()
    this.works.clear()
  }

  /** One at a time for a tenant. Returns whether there is more to do. */
  async turn(db: DatabaseClient, tenantId: string): Promise<boolean> {
    const before = this.running.get(tenantId)
    const own = (async () => {
      await before?.catch(() => {})
      return this.once(db, tenantId)
    })()
    this.running.set(tenantId, own)
    try {
      return await own
    } finally {
      if (this.running.get(tenantId) === own) this.running.delete(tenantId)
    }
  }

  private async once(db: DatabaseClient, tenantId: string): Promise<boolean> {
    const begun = this.works.get(tenantId)
    this.works.delete(tenantId)
    if (!begun && !(await hasExternal(db, tenantId))) return false
    this.options.onTurn?.(tenantId)
    const work = begun ?? new Work(this.cache)
    const more = await this.step(db, tenantId, work)
    if (more) this.works.set(tenantId, work)
    return more
  }

  private async step(db: DatabaseClient, tenantId: string, work: Work): Promise<boolean> {
    const world = await this.read(db, tenantId, work)
    if (await allocate(db, world, work)) return true
    const plan = planExternal(world)
    const written = isIdle(plan) ? 0 : await applyPlan({ db, reader: work.reader, defaultQuota: this.options.defaultQuota }, tenantId, plan, work.refusals)
    if (written > 0) return true
    return this.conditions.tell(db, tenantId, plan.verdicts.map((verdict) => withRefusal(verdict, work.refusals)))
  }

  private async read(db: DatabaseClient, tenantId: string, work: Work): Promise<World> {
    for (;;) {
      const read = await inSnapshot(db, (tx) => readWorld(tx, tenantId, work.reader, (hosts) => this.options.lostHosts.find(hosts), work.ofBalancers))
      if (!('stale' in read)) return read
      await work.reader.compileAll(tenantId, read.stale, (compile) => inSnapshot(db, compile))
    }
  }
}

function withRefusal(planned: Verdict, { bySource, bySecond }: Refusals): Verdict {
  const refusal = bySource.get(planned.uid)
  if (planned.kind === 'FloatingAddress') return planned
  if (refusal !== undefined) return { ...planned, status: 'False', reason: 'NoAddress', message: refusal }
  const second = bySecond.get(planned.uid)
  return second ? withoutSecond(planned, second) : planned
}

/** Gives balancers their addresses in their network; of those that get none it is kept why. Returns whether any was looked at. */
async function allocate(db: DatabaseClient, world: World, { ofBalancers, ofNetworks }: Work): Promise<boolean> {
  const lacking = world.balancers.filter(({ inner, refusal }) => inner.length === 0 && refusal === '')
  let tried = 0
  for (const { uid, networkId } of lacking) {
    // A network that had none for one has none for the next: all ask for the same.
    const before = ofNetworks.get(networkId)
    if (before === undefined && (tried += 1) > maxAllocated) break
    const given = before === undefined ? await inBriefTransaction(db, (tx) => allocateBalancerAddresses(tx, networkId, uid)) : { refusal: { message: before } }
    if (!('refusal' in given)) continue
    ofNetworks.set(networkId, given.refusal.message)
    ofBalancers.set(uid, given.refusal.message)
  }
  return lacking.length > 0
}
