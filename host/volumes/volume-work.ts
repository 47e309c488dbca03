import type { HostVolume } from '@/contracts/host/v1/volumes'
import { VolumeError, type Progress, type VolumeStore } from './store'
import type { VolumeParts, VolumeStep } from './volume'
import type { VolumeState } from './volume-state'

/** `store` null: it is not open. `signal`: the server says something else meanwhile. */
export type Work = { state: VolumeState; store: VolumeStore | null; parts: Pick<VolumeParts, 'ledger' | 'makeOfArchive' | 'clock' | 'log' | 'changed'>; progress: Progress; signal: AbortSignal }

/** Carries out a step of a volume that no pod has a part in. `changed`: its store is to be asked what there is of it now. */
export async function workOn(step: VolumeStep, work: Work): Promise<'changed' | 'same'> {
  if (step === 'note') return note(work)
  if (step === 'letGo') return letGo(work)
  const { state, store, progress, signal } = work
  const { uid, wanted } = state
  if (!wanted || !store) return 'same'
  if (step === 'lost') throw new VolumeError('Damaged', uid, `Volume ${wanted.name} was in its store, and is not any more. Restore it from a snapshot: make a volume of that; or delete this one. The operator should look at the store.`)
  if (step === 'create') await create(wanted, store, work)
  else if (step === 'claim') await claim(wanted, store, state)
  else if (step === 'grow') await store.grow(uid, wanted.sizeBytes, signal)
  else if (step === 'flatten') await store.flatten(uid, progress, signal)
  else if (step === 'revert' && wanted.revertTo !== null) {
    await store.revert(uid, wanted.revertTo, progress, signal, wanted.epoch)
    // What stands on it now the server knows of the snapshot.
    state.entry = { ...state.entry, formatted: null, reverted: { epoch: wanted.epoch, snapshotUid: wanted.revertTo } }
  } else if (step === 'purge') {
    await store.remove(uid, signal)
    state.isPurged = true
    return 'same'
  }
  return 'changed'
}

async function note({ state, parts }: Work): Promise<'same'> {
  const { note: entry } = state
  await parts.ledger.save(entry)
  state.saved = JSON.stringify(entry)
  return 'same'
}

const waitsForTurn = { reason: 'WaitsForTurn', message: 'Its host makes volumes of other uploads, one at a time and each tenant in turn: it begins by itself.', isFinal: false }

async function create({ uid, tenantId, sizeBytes, origin }: HostVolume, store: VolumeStore, { state, parts, progress, signal }: Work): Promise<void> {
  const onWait = (waits: boolean): void => {
    state.problem = waits ? waitsForTurn : null
    parts.changed(uid)
  }
  if (origin.kind === 'upload') await parts.makeOfArchive(store, { uid, tenantId, sizeBytes }, origin, { progress, signal, onWait })
  else await store.create({ uid, sizeBytes, origin: origin.kind === 'blank' ? origin : { kind: 'snapshot', snapshotUid: origin.snapshotUid } }, progress, signal)
}

async function claim({ uid, epoch, fence }: HostVolume, store: VolumeStore, state: VolumeState): Promise<void> {
  // A dead QEMU of this host may hold the image's lock still, or a program of its agent, that of an earlier run too, whose work came to its end and which did not: whoever opens it next would wait for that for ever.
  const isLeft = async (): Promise<boolean> => state.isLeftBehind || state.isCutOff || (state.isOfEarlierRun && (await store.isLocked?.(uid)) === true)
  if (state.facts?.epoch === epoch && !state.isWritten && (await isLeft())) await store.release(uid, epoch, state.isToBeClosed ? 'everybody' : 'writers')
  const { clients } = await store.claim(uid, epoch, fence)
  state.isLeftBehind = false
  state.claimedEpoch = epoch
  state.entry = { ...state.entry, made: true, ...(fence && { fenced: { epoch, clients: clients.slice(0, 20).map((one) => one.slice(0, 128)) } }) }
}

/** Nothing of it is open here, nor will be: that is written down before it is said. */
async function letGo({ state, store, parts }: Work): Promise<'same'> {
  if (store && state.writtenEpoch !== null) {
    await store.release(state.uid, state.writtenEpoch).catch((error: unknown) => {
      // Whoever comes next shuts out what a dead QEMU of this host left behind.
      if (!(error instanceof VolumeError) || error.code === 'Conflict') throw error
      parts.log.warn({ volume: state.uid, err: error }, 'a volume is let go without its store')
    })
  }
  const entry = { ...state.note, goneAt: parts.clock.now() }
  await parts.ledger.save(entry)
  // The server may have given it anew meanwhile.
  state.isGone = state.wanted === null
  if (state.isGone) state.entry = entry
  else state.saved = JSON.stringify(entry)
  return 'same'
}
