import type { DatabaseClient, Transaction } from '@/server/store/database'
import { holdExternal } from '@/server/store/external-state'
import { takeAddress, type FloatingRefusal } from '@/server/store/floating-addresses'
import { bindBalancer, createBalancer, putCompiled, putHolding, removeBalancer, removeFreeAddress, setLeaving } from '@/server/store/load-balancers'
import { inBriefTransaction } from './brief-transaction'
import { groupBy, inParts } from './parts'
import type { ExternalPlan } from './plan'
import type { SourceReader } from './sources'
import type { FamilyName, WorldSource } from './world'

/**
 * Why objects get no address, as far as it was found out since something was done for their tenant last. `bySecond`: none of the other family beside the one that they have. `forAll`: whoever asks, for one of any
 * family, of one where it can be, or of one alone.
 */
export type Refusals = { bySource: Map<string, string>; bySecond: Map<string, Pick<FloatingRefusal, 'reason' | 'message'>>; forAll: Map<Asked | 'any', Pick<FloatingRefusal, 'reason' | 'message'>> }
type Asked = FamilyName | `${FamilyName} alone`
type Taking = ExternalPlan['take'][number]
type Parts = { db: DatabaseClient; reader: SourceReader; defaultQuota: number }

/** So many rows are written in one transaction, and so many balancers are made before other tenants have their turn. */
const partSize = 50
const maxMade = 100

/** Writes what is planned, each where the row is still as it was. Returns how many rows were written. */
export async function applyPlan(parts: Parts, tenantId: string, plan: ExternalPlan, refusals: Refusals): Promise<number> {
  const moved = await move(parts, tenantId, plan)
  // What was given back may be had by who was refused.
  if (plan.removeAddresses.length > 0) for (const known of Object.values(refusals)) known.clear()
  return moved + (await take(parts, tenantId, plan, refusals)) + (await create(parts, tenantId, plan.create.slice(0, maxMade)))
}

const familyOf = ({ family }: WorldSource): FamilyName => family ?? 'IPv4'
const askedOf = ({ source, also }: Taking): Asked => (also === null ? familyOf(source) : `${also} alone`)

/** For whom it is that one of those who ask for no address in particular got none: what this one does not get, no other does. */
function refusedFor(taking: Taking, { reason }: FloatingRefusal): Asked | 'any' | null {
  if (reason === 'QuotaExceeded') return 'any'
  return reason === 'NoFreeAddress' || reason === 'NoDefaultPool' ? askedOf(taking) : null
}

async function take({ db, defaultQuota }: Parts, tenantId: string, { take: wanted }: ExternalPlan, { bySource, bySecond, forAll }: Refusals): Promise<number> {
  let taken = 0
  const served = new Set<Taking>()
  const own = ({ source, also }: Taking) => (also === null ? bySource : bySecond).get(source.uid)
  const isRefused = (taking: Taking) => (own(taking) ?? forAll.get('any') ?? forAll.get(askedOf(taking))) !== undefined
  const refuse = ({ source, also }: Taking, { reason, message }: Pick<FloatingRefusal, 'reason' | 'message'>) => void (also === null ? bySource.set(source.uid, message) : bySecond.set(source.uid, { reason, message }))
  for (const part of inParts(wanted.filter((taking) => !isRefused(taking)), partSize)) {
    taken += await inBriefTransaction(db, async (tx) => {
      await holdExternal(tx, [tenantId])
      let rows = 0
      for (const taking of part) {
        if (isRefused(taking)) continue
        const { balancer, source, also } = taking
        const given = await takeAddress(tx, tenantId, { name: managedName(source.name, balancer.uid, also), managed: true, ...(also === null ? { prefers: familyOf(source) } : { family: also }), takenFor: `${source.kind} "${source.name}" in namespace "${source.namespace}"`, defaultQuota })
        if ('taken' in given) {
          rows += await putHolding(tx, given.taken.uid, { podUid: null, balancerUid: null, hostId: null }, { podUid: null, balancerUid: balancer.uid, hostId: null })
          served.add(taking)
        } else {
          const whom = refusedFor(taking, given.refusal)
          if (whom === null) refuse(taking, given.refusal)
          else forAll.set(whom, given.refusal)
        }
      }
      return rows
    })
  }
  for (const taking of wanted) {
    const refusal = forAll.get('any') ?? forAll.get(askedOf(taking))
    if (refusal !== undefined && own(taking) === undefined && !served.has(taking)) refuse(taking, refusal)
  }
  return taken
}

/**
 * Changes rows that are there, some at a time: who waits for what the tenant has, such as a host that says something, waits for one part. What hosts wait for comes before what
 * takes long. Each part leaves rows that mean what they say, and what it finds otherwise than planned it leaves alone.
 */
async function move({ db, reader }: Parts, tenantId: string, plan: ExternalPlan): Promise<number> {
  let rows = await inWrites(db, tenantId, movesOf(plan))
  // What is to be done is made of the text as it is now, and never of more at once than a part.
  for (const part of inParts(sortByUid(plan.compile), partSize)) {
    const compiled = await reader.compile(db, tenantId, part.map(({ source }) => source.uid))
    rows += await inWrites(db, tenantId, part.flatMap(({ uid, source }) => {
      const now = compiled.get(source.uid)
      return now ? [(tx: Transaction) => putCompiled(tx, uid, now.compiled)] : []
    }))
  }
  return rows + (await inWrites(db, tenantId, [
    ...plan.removeAddresses.map((uid): Write => (tx) => removeFreeAddress(tx, uid)),
    ...plan.removeBalancers.map((uid): Write => (tx) => removeBalancer(tx, uid)),
  ]))
}

type Write = (tx: Transaction) => Promise<number>

/** Who lets go, then who runs what, then who has which address there: a balancer's host before that of its addresses, and who loses one before who gets one, for a pod has one of each family. */
function movesOf({ leave, bind, hold }: ExternalPlan): Write[] {
  const losesFirst = sortByUid(hold).sort((a, b) => Number(a.to.podUid !== null) - Number(b.to.podUid !== null))
  return [
    ...sortByUid(leave).map(({ uid, hostId, leaving }): Write => (tx) => setLeaving(tx, uid, hostId, leaving)),
    ...sortByUid(bind).map(({ uid, from, to }): Write => (tx) => bindBalancer(tx, uid, from, to)),
    ...losesFirst.map(({ uid, from, to }): Write => (tx) => putHolding(tx, uid, from, to)),
  ]
}

async function inWrites(db: DatabaseClient, tenantId: string, writes: readonly Write[]): Promise<number> {
  let rows = 0
  for (const part of inParts(writes, partSize)) {
    rows += await inBriefTransaction(db, async (tx) => {
      await holdExternal(tx, [tenantId])
      let written = 0
      for (const write of part) written += await write(tx)
      return written
    }, { repeatable: true })
  }
  return rows
}

/** Makes balancers, those of one network together and one network after another: whoever gives addresses of a network holds it. */
async function create({ db, reader }: Parts, tenantId: string, wanted: readonly WorldSource[]): Promise<number> {
  let made = 0
  const byNetwork = [...groupBy(wanted, ({ networkId }) => networkId)].sort(([a], [b]) => (a < b ? -1 : 1))
  for (const part of byNetwork.flatMap(([, sources]) => inParts(sources, partSize))) {
    const compiled = await reader.compile(db, tenantId, part.map(({ uid }) => uid))
    made += await inBriefTransaction(db, async (tx) => {
      let rows = 0
      for (const { uid } of part) {
        const now = compiled.get(uid)
        if (now) rows += await createBalancer(tx, tenantId, { ...now.source, compiled: now.compiled })
      }
      return rows
    }, { repeatable: true })
  }
  return made
}

const sortByUid = <T extends { uid: string }>(list: readonly T[]): T[] => [...list].sort((a, b) => (a.uid < b.uid ? -1 : 1))

/** A name that says whose it is, and that no other of the tenant has. */
const managedName = (name: string, balancerUid: string, also: FamilyName | null): string => `${name.replace(/[^a-z0-9-]/g, '-').slice(0, 50).replace(/-+$/, '')}-${balancerUid.slice(0, 8)}${also === null ? '' : `-v${also.slice(-1)}`}`
