import { createHash } from 'node:crypto'
import { BoundedCache } from '@/server/store/bounded-cache'
import { listStoredConditions, setConditionsIfThere } from '@/server/store/conditions'
import type { DatabaseClient } from '@/server/store/database'
import { holdExternal } from '@/server/store/external-state'
import { recordEvents, type NewEvent } from '@/server/store/reports'
import { inBriefTransaction } from './brief-transaction'
import { inParts } from './parts'
import type { Verdict } from './verdicts'

/** So many conditions are written in one transaction, and so many are looked at before other tenants have their turn. */
const partSize = 50
const maxTold = 200

const typeOf = ({ kind }: Verdict): string => (kind === 'FloatingAddress' ? 'Associated' : 'LoadBalancer')
const digestOf = (verdict: Verdict): string => createHash('sha256').update(JSON.stringify(verdict)).digest('base64')

/** Writes conditions that say something new. What was said last of each object by this process is not asked of again. */
export class Conditions {
  private readonly told = new BoundedCache<string>(16 << 20)

  /** From now on what is stored is looked at first. */
  forget(): void {
    this.told.clear()
  }

  /** Returns whether there is more to say. */
  async tell(db: DatabaseClient, tenantId: string, verdicts: readonly Verdict[]): Promise<boolean> {
    const news = verdicts.filter((verdict) => this.told.get(verdict.uid) !== digestOf(verdict))
    const now = news.slice(0, maxTold)
    if (now.length === 0) return false
    const stored = await listStoredConditions(db, now.flatMap(({ uid, balancerUid }) => [uid, ...(balancerUid ? [balancerUid] : [])]), ['Associated', 'LoadBalancer'])
    const said = new Map(stored.map((row) => [`${row.objectUid} ${row.type}`, row]))
    const isStored = (uid: string, verdict: Verdict) => {
      const row = said.get(`${uid} ${typeOf(verdict)}`)
      return row !== undefined && row.status === verdict.status && row.reason === verdict.reason && row.message === verdict.message && row.observedGeneration === verdict.generation
    }
    for (const part of inParts(now.filter((verdict) => ![verdict.uid, verdict.balancerUid ?? verdict.uid].every((uid) => isStored(uid, verdict))), partSize)) await this.write(db, tenantId, part)
    for (const verdict of now) this.told.set(verdict.uid, digestOf(verdict), 200)
    return news.length > now.length
  }

  private async write(db: DatabaseClient, tenantId: string, verdicts: readonly Verdict[]): Promise<void> {
    await inBriefTransaction(db, async (tx) => {
      await holdExternal(tx, [tenantId])
      const changed = await setConditionsIfThere(tx, verdicts.flatMap((verdict) => {
        const { kind, uid, balancerUid, generation, status, reason, message } = verdict
        const about = { objectUid: uid, objectKind: kind, type: typeOf(verdict), status, reason, message, observedGeneration: generation }
        return balancerUid ? [about, { ...about, objectUid: balancerUid, objectKind: 'LoadBalancer' as const }] : [about]
      }))
      await recordEvents(tx, verdicts.filter(({ uid, kind, reason }) => changed.has(uid) && kind !== 'FloatingAddress' && reason !== 'Pending').map((verdict) => eventOf(tenantId, verdict)))
    }, { repeatable: true })
  }
}

const eventOf = (tenantId: string, { uid, kind, namespace, name, status, reason, message }: Verdict): NewEvent => ({ tenantId, objectUid: uid, objectKind: kind, objectNamespace: namespace, objectName: name, type: status === 'True' ? 'Normal' : 'Warning', reason: status === 'True' ? 'LoadBalancerReady' : reason, message, source: 'external' })
