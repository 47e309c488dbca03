import { podSpec } from '@/domain/pod/spec'
import { holdPod } from '@/server/store/assignments'
import { setCondition } from '@/server/store/conditions'
import { inTransaction, type DatabaseClient } from '@/server/store/database'
import { recordEvent } from '@/server/store/reports'
import { attachmentsOfPod } from '@/server/store/volume-attachments'
import { resolvePodVolumes, type ResolvedVolume } from '@/server/store/volume-references'
import { findPodWithVolumes } from '@/server/store/volume-world'
import type { PodVerdicts } from './pod-verdicts'

/** What people can do something about is an event, too; that it takes its time is none. */
const quiet = new Set(['Pending', 'Attaching', 'Detaching', 'Moving', 'Creating', 'SourcePending', 'ClaimPending'])

/** Says by a condition what a pod that has a host waits for, of all of its volumes. */
export async function tellPod(db: DatabaseClient, podUid: string, verdicts: PodVerdicts): Promise<void> {
  const pod = await findPodWithVolumes(db, podUid)
  if (!pod || pod.hostId === null || pod.deletedAt !== null) return
  const resolved = (await resolvePodVolumes(db, [{ ...pod, spec: podSpec.parse(pod.spec) }])).get(podUid)
  const volumes = resolved && (await withHeld(db, podUid, resolved))
  const said = volumes && verdicts.ofPod(podUid, volumes)
  if (!said) return
  await inTransaction(db, async (tx) => {
    if (!(await holdPod(tx, podUid))) return
    const changed = await setCondition(tx, { objectUid: podUid, objectKind: 'Pod', type: 'VolumesAvailable', observedGeneration: pod.generation, ...said })
    if (changed && said.status !== 'True' && !quiet.has(said.reason)) await recordEvent(tx, { tenantId: pod.tenantId, objectUid: podUid, objectKind: 'Pod', objectNamespace: pod.namespace, objectName: pod.name, type: 'Warning', reason: said.reason, message: said.message, source: 'volume' })
  })
}

/** A claim that is deleted while its pod has the volume waits for that pod: it keeps the pod from nothing. */
async function withHeld(db: DatabaseClient, podUid: string, volumes: readonly ResolvedVolume[]): Promise<ResolvedVolume[]> {
  const isGoing = ({ problem }: ResolvedVolume) => problem?.reason === 'ClaimDeleted'
  if (!volumes.some(isGoing)) return [...volumes]
  const held = new Set((await attachmentsOfPod(db, podUid)).flatMap(({ volumeUid, phase }) => (phase === 'Waiting' ? [] : [volumeUid])))
  return volumes.map((one) => (isGoing(one) && one.volume && held.has(one.volume.uid) ? { ...one, problem: null } : one))
}
