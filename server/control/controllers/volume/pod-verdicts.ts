import type { ResolvedVolume } from '@/server/store/volume-references'
import type { Verdict } from './verdicts'

type Said = Omit<Verdict, 'podUid'>

/** What was found of each pod and each of its volumes last. It is lost with this process, and found anew: a pod of which not all is known yet is told nothing. */
export class PodVerdicts {
  private readonly byVolume = new Map<string, ReadonlyMap<string, Said>>()

  /** Returns the pods of which something else is so now. */
  note(volumeUid: string, verdicts: readonly Verdict[]): string[] {
    const before = this.byVolume.get(volumeUid) ?? new Map<string, Said>()
    const now = new Map(verdicts.flatMap(({ podUid, ...said }) => (podUid === null ? [] : [[podUid, said] as const])))
    if (now.size > 0) this.byVolume.set(volumeUid, now)
    else this.byVolume.delete(volumeUid)
    return [...new Set([...before.keys(), ...now.keys()])].filter((uid) => JSON.stringify(before.get(uid)) !== JSON.stringify(now.get(uid)))
  }
  forget(volumeUid: string): string[] {
    return this.note(volumeUid, [])
  }

  /** Of a pod with these volumes: the first that it waits for; null: not all is known. */
  ofPod(podUid: string, volumes: readonly ResolvedVolume[]): Said | null {
    const all = volumes.map(({ volume, problem }): Said | null => (problem ? { status: 'False', ...problem } : volume ? (this.byVolume.get(volume.uid)?.get(podUid) ?? null) : null))
    if (all.some((said) => said === null)) return null
    const waits = all.find((said) => said?.status !== 'True')
    return waits ?? { status: 'True', reason: 'Attached', message: volumes.length === 1 ? 'Its volume is attached.' : `Its ${volumes.length} volumes are attached.` }
  }
}
