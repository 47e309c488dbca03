import { VolumeError } from '../store'
import { getNote, noteNames, removeNote, setNote } from './notes'
import type { RbdPlace } from './rbd-place'

/**
 * Epochs under which a volume was claimed, a note each. Notes are only ever added, and removed below a higher one, so that two hosts that write at once cannot hide the higher of
 * their epochs from each other: the highest note is the volume's epoch. It says how far the claim is: `claiming` (its fence is under way), `claimed`, `released`.
 */
const prefix = 'epoch.'
const states = ['claiming', 'claimed', 'released'] as const
export type ClaimState = (typeof states)[number]
export type Claim = { epoch: number; state: ClaimState }

/** 0: it was never claimed. `older`: those below the highest that are still written down. */
export async function readEpochs(place: RbdPlace, uid: string): Promise<{ highest: number; older: number[] }> {
  const names = await noteNames(place, uid)
  const [highest = 0, ...older] = names.flatMap((name) => (/^epoch\.\d{1,16}$/.test(name) ? [Number(name.slice(prefix.length))] : [])).sort((a, b) => b - a)
  return { highest, older }
}

/** The highest claim. A note that went or cannot be read is one that is under way. */
export async function readClaim(place: RbdPlace, uid: string): Promise<Claim> {
  const { highest } = await readEpochs(place, uid)
  const said = highest === 0 ? 'released' : await getNote(place, uid, `${prefix}${highest}`)
  return { epoch: highest, state: states.find((state) => state === said) ?? 'claiming' }
}

export async function writeClaim(place: RbdPlace, uid: string, claim: Claim): Promise<void> {
  await setNote(place, uid, `${prefix}${claim.epoch}`, claim.state)
}

export async function forgetEpochs(place: RbdPlace, uid: string, epochs: readonly number[]): Promise<void> {
  for (const epoch of epochs) await removeNote(place, uid, `${prefix}${epoch}`)
}

/** Throws `Stale` where a higher epoch is known. */
export function requireCurrent(uid: string, epoch: number, highest: number): void {
  if (highest > epoch) throw new VolumeError('Stale', uid, `Volume ${uid} belongs to another owner now: its epoch is ${highest}, and this host was told ${epoch}. It opens nothing; the server tells it what it may have.`)
}
