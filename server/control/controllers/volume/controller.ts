import type { Change } from '@/server/store/change-feed'
import { setConditionIfThere } from '@/server/store/conditions'
import { inTransaction } from '@/server/store/database'
import { volumesOfPod } from '@/server/store/volume-references'
import { hasVolumes, listPodsWithVolumes, listSilentVolumeHosts, listUnsettledVolumes, listVolumesOfHost, listVolumesOfSnapshot, listVolumesWaitingForStore } from '@/server/store/volume-world'
import type { Controller, ControlContext } from '../../runtime/controller'
import { applyPlan } from './apply'
import { SteadyJudges } from './judges'
import { planVolume } from './plan'
import { PodVerdicts } from './pod-verdicts'
import { PodsWithoutVolumes } from './pods-without-volumes'
import { readWorld } from './read-world'
import { tellPod } from './tell-pod'
import type { Verdict } from './verdicts'

export type VolumeOptions = { steady?: () => number }

/**
 * Keys are `volume:<uid>`; `pod:<uid>`, `host:<id>`, `snapshot:<uid>` and `store:<uid>` find out which volumes a change concerns, and `told:<pod>` says what a pod waits for. The second controller waits for hosts
 * that are silent.
 */
export function createVolumeControllers({ steady }: VolumeOptions = {}): Controller[] {
  const judges = new SteadyJudges(steady)
  const verdicts = new PodVerdicts()
  const without = new PodsWithoutVolumes()
  let lost: ReadonlySet<string> = new Set()
  let looks = 0
  const look = async ({ db }: ControlContext): Promise<string[]> => {
    const [before, now] = [lost, judges.lookAt(await listSilentVolumeHosts(db))]
    lost = now
    return [...now].filter((id) => !before.has(id))
  }
  const reconcile: Controller['reconcile'] = async (ctx, key) => {
    const [kind, id] = partsOf(key)
    if (kind === 'volume') return reconcileVolume(ctx, id, { judges, verdicts, without })
    if (kind === 'told') return tellPod(ctx.db, id, verdicts)
    if (kind === 'pod') return keysOfPod(ctx, id, without)
    if (kind === 'snapshot') return (await listVolumesOfSnapshot(ctx.db, id)).map(volumeKey)
    if (kind === 'host') return (await listVolumesOfHost(ctx.db, id)).map(volumeKey)
    return (await listVolumesWaitingForStore(ctx.db, id)).map(volumeKey)
  }
  const allKeys: Controller['allKeys'] = async (ctx) => {
    await look(ctx)
    // Verdicts are known anew after a change of the leader; from then on what changes brings its key itself, and now and then all are looked at.
    const waiting = looks++ % 20 !== 0
    return [...(await listUnsettledVolumes(ctx.db)).map(volumeKey), ...(await listPodsWithVolumes(ctx.db, waiting)).map((uid) => `pod:${uid}`)]
  }
  return [
    { name: 'volume', workers: 4, resyncSeconds: 30, keysOf, allKeys, reconcile },
    { name: 'volume-hosts', workers: 1, resyncSeconds: 2, keysOf: () => [], allKeys: async (ctx) => (await look(ctx)).map((id) => `host:${id}`), reconcile },
  ]
}

type Known = { judges: SteadyJudges; verdicts: PodVerdicts; without: PodsWithoutVolumes }

const volumeKey = (uid: string): string => `volume:${uid}`
function partsOf(key: string): [string, string] {
  const at = key.indexOf(':')
  return [key.slice(0, at), key.slice(at + 1)]
}

function keysOf({ kind, uid }: Change): string[] {
  if (kind === 'Volume') return [volumeKey(uid)]
  if (kind === 'Pod') return [`pod:${uid}`]
  if (kind === 'Host') return [`host:${uid}`]
  if (kind === 'VolumeSnapshot') return [`snapshot:${uid}`]
  return kind === 'VolumeStore' ? [`store:${uid}`] : []
}

async function keysOfPod({ db }: ControlContext, uid: string, without: PodsWithoutVolumes): Promise<string[]> {
  if (without.has(uid)) return []
  const begun = without.begin()
  if (await hasVolumes(db, uid)) return [...(await volumesOfPod(db, uid)).map(volumeKey), `told:${uid}`]
  without.note(uid, begun)
  return []
}

async function isSaid({ objectCondition }: ControlContext['db'], objectUid: string, { status, reason, message }: Verdict, generation: number): Promise<boolean> {
  const row = await objectCondition.findUnique({ where: { objectUid_type: { objectUid, type: 'Ready' } } })
  return row?.status === status && row.reason === reason && row.message === message && row.observedGeneration === generation
}

/** Done again until there is nothing to change: each change is one transaction, and its own feed entry brings the key again. */
async function reconcileVolume({ db, log }: ControlContext, uid: string, { judges, verdicts, without }: Known): Promise<string[]> {
  const read = await readWorld(db, uid, judges)
  if (!read) {
    judges.forget(uid)
    return verdicts.forget(uid).map((pod) => `told:${pod}`)
  }
  const { world, generation } = read
  const pods = without.attached(world.attachments.map(({ podUid }) => podUid)).map((pod) => `pod:${pod}`)
  const plan = planVolume(world)
  const written = await applyPlan(db, read, plan.actions)
  for (const write of written) if (write.kind === 'setVolume' && write.fence) log.warn({ volume: uid, host: write.hostId, epoch: write.epoch, fence: write.fence }, 'a volume is taken over from a host that is silent, which is shut out first')
  if (written.length > 0) return pods
  const about = plan.verdicts.find(({ podUid }) => podUid === null)
  // What it says is read without a lock first, for at rest it says what it said.
  if (about && !(await isSaid(db, uid, about, generation))) await inTransaction(db, (tx) => setConditionIfThere(tx, { objectUid: uid, objectKind: 'Volume', type: 'Ready', status: about.status, reason: about.reason, message: about.message, observedGeneration: generation }))
  return [...pods, ...verdicts.note(uid, plan.verdicts).map((pod) => `told:${pod}`)]
}
