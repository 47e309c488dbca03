import type { HostVolume } from '@/contracts/host/v1/volumes'

/**
 * How a pod has a volume. `unknown`: a VM of an earlier run of the agent may have it open, which is not taken up yet. `closed`: nothing has. `open`: its VM's QEMU has the image open;
 * `mounted`: and the guest the disk.
 */
export type HoldState = 'unknown' | 'closed' | 'open' | 'mounted'

/** A pod that has the volume, or shall. `wanted`: as what it is held is what the server says; `due`: what failed is not to be waited for any more. */
export type ObservedHold = { podUid: string; state: HoldState; wanted: boolean; writes: boolean; vm: boolean; due: boolean; size: number | null; grown: boolean; limited: boolean; mounts: boolean }

export type Observed = {
  /** The ledger says what is in force, and what shall come into force. */
  noted: boolean
  /** What could not be written down is not to be waited for any more. */
  noteDue: boolean
  store: boolean
  /** What the store has of it; null: it was not asked. */
  there: boolean | null
  /** Its image was here once. */
  made: boolean
  sizeBytes: number
  parent: boolean
  claimed: boolean
  reverted: boolean
  purged: boolean
  /** What the volume itself failed in may be tried again. */
  due: boolean
  holds: readonly ObservedHold[]
}

export type Wanted = Pick<HostVolume, 'keeper' | 'purge' | 'revertTo' | 'flatten' | 'sizeBytes' | 'made'>

export type Step =
  | { do: 'note' | 'look' | 'create' | 'claim' | 'revert' | 'grow' | 'flatten' | 'purge' | 'letGo' | 'wait' | 'lost' }
  | { do: 'takeUp' | 'attach' | 'detach' | 'growOpen' | 'limit' | 'mount'; podUid: string }

const hasOpen = ({ state }: ObservedHold): boolean => state !== 'closed'

/**
 * The one next thing to do for a volume, from what the server says of it (null: it is not this host's) and what is. Pure: the order of things is decided here alone. Nothing is opened
 * that the ledger does not have and, for writing, that was not claimed; nothing is let go, brought back or removed that somebody has open.
 */
export function nextStep(wanted: Wanted | null, observed: Observed): Step {
  const { holds } = observed
  if (!observed.noted && observed.noteDue) return { do: 'note' }
  const found = holds.find(({ state, vm, due }) => state === 'unknown' && vm && due)
  if (found) return { do: 'takeUp', podUid: found.podUid }
  const over = holds.find((hold) => hasOpen(hold) && hold.state !== 'unknown' && (!wanted || wanted.purge || !hold.wanted) && hold.due)
  if (over) return { do: 'detach', podUid: over.podUid }
  const isOpen = holds.some(hasOpen)
  if (!observed.noted) return { do: 'wait' }
  if (!wanted) return { do: isOpen || !observed.due ? 'wait' : 'letGo' }
  if (!observed.store || observed.purged) return { do: 'wait' }
  return withStore(wanted, observed, isOpen)
}

function withStore(wanted: Wanted, observed: Observed, isOpen: boolean): Step {
  const { due } = observed
  if (observed.there === null) return { do: due ? 'look' : 'wait' }
  if (wanted.purge) return { do: isOpen || !due ? 'wait' : observed.there && wanted.keeper && !observed.claimed ? 'claim' : 'purge' }
  if (!observed.there) {
    // One that had bytes is not made anew: blank, it would hide that they are gone.
    if (observed.made || wanted.made) return { do: due ? 'lost' : 'wait' }
    return { do: wanted.keeper && due ? 'create' : 'wait' }
  }
  if (wanted.keeper && !observed.claimed) return { do: due ? 'claim' : 'wait' }
  if (wanted.keeper && !isOpen && due) {
    if (wanted.revertTo !== null && !observed.reverted) return { do: 'revert' }
    if (wanted.sizeBytes > observed.sizeBytes) return { do: 'grow' }
  }
  return ofHolds(wanted, observed) ?? { do: wanted.keeper && wanted.flatten && observed.parent && !isOpen && due ? 'flatten' : 'wait' }
}

/** A volume that is to go back to a snapshot is opened after that, and one that is to grow written to after that: a disk that is larger than its record says would lose its end with the next snapshot. */
function ofHolds(wanted: Wanted, { holds, reverted, sizeBytes }: Observed): Step | null {
  for (const { podUid, state, vm, due, writes, size, grown, limited, mounts } of holds) {
    if (!vm || !due) continue
    if (state === 'closed' || state === 'open') {
      const mayOpen = (wanted.revertTo === null || reverted) && (!writes || wanted.keeper) && (!writes || state === 'open' || wanted.sizeBytes <= sizeBytes) && !holds.some((other) => other.podUid !== podUid && hasOpen(other) && (writes || other.writes))
      if (mayOpen) return { do: 'attach', podUid }
      continue
    }
    if (state !== 'mounted') continue
    if (writes && ((size !== null && wanted.sizeBytes > size) || wanted.sizeBytes > sizeBytes || !grown)) return { do: 'growOpen', podUid }
    if (!limited) return { do: 'limit', podUid }
    if (!mounts) return { do: 'mount', podUid }
  }
  return null
}
