import { VolumeError } from '../store'
import { forgetEpochs, readClaim, readEpochs, requireCurrent, writeClaim } from './epochs'
import { clientsOf, shutOut, type Whom } from './fence'
import { hostOf, knownHosts, noteHost, noteOwnHost } from './hosts'
import { type RbdPlace, volumeImage } from './rbd-place'

/**
 * Takes the right to open a volume for writing. The epoch is written down **before** it is looked who has the image open, and whoever opens it takes its lock **before** he
 * reads the epoch ({@link confirmOpen}): so of two hosts that do both at once at least one sees the other. Repeating it with the same epoch shuts out nobody, unless the
 * volume was released in between: whoever has its lock then is dead, and who else has it open reads it, under this epoch.
 */
export async function claim(place: RbdPlace, uid: string, epoch: number): Promise<string[]> {
  const known = await readClaim(place, uid)
  requireCurrent(uid, epoch, known.epoch)
  if (known.epoch === epoch && known.state === 'claimed') return []
  await noteOwnHost(place)
  // Everybody of lower epochs was shut out when it was claimed under this one first, and by the release of a claim that was cut off.
  const isAgain = epoch > 0 && known.epoch === epoch && known.state === 'released'
  if (!isAgain) await writeClaim(place, uid, { epoch, state: 'claiming' })
  await refuseLower(place, uid, epoch)
  const clients = await shutOut(place, uid, volumeImage(uid), () => refuseLower(place, uid, epoch), isAgain ? 'writers' : 'everybody')
  await writeClaim(place, uid, { epoch, state: 'claimed' })
  await forgetEpochs(place, uid, await refuseLower(place, uid, epoch))
  return clients
}

/** A higher epoch that came meanwhile has the image: what was written down here is taken back. */
export async function refuseLower(place: RbdPlace, uid: string, epoch: number): Promise<number[]> {
  const { highest, older } = await readEpochs(place, uid)
  if (highest > epoch) await forgetEpochs(place, uid, [epoch])
  requireCurrent(uid, epoch, highest)
  return older
}

/** Whether it may be opened for writing under this epoch now. */
export async function requireClaim(place: RbdPlace, uid: string, epoch: number): Promise<void> {
  const known = await readClaim(place, uid)
  requireCurrent(uid, epoch, known.epoch)
  if (known.epoch === epoch && known.state === 'claimed') return
  throw new VolumeError('Conflict', uid, `Volume ${uid} is not claimed under epoch ${epoch}: whoever had it before may have it still. Claim it first; it is tried again.`)
}

/**
 * @returns the address of whoever holds the image's lock, whom a later claim will find and shut out, however long he sleeps: his host is written down by then. A lock alone may be a false one, so its owner is one whom the
 * cluster itself sees, or is at a host that is known.
 */
export async function confirmOpen(place: RbdPlace, uid: string, epoch: number): Promise<string> {
  const { locks, watchers } = await clientsOf(place, volumeImage(uid))
  await requireClaim(place, uid, epoch)
  const seen = locks.find(({ address }) => watchers.includes(address))
  const hosts = seen === undefined && locks.length > 0 ? await knownHosts(place) : new Set()
  const lock = seen ?? locks.find(({ address }) => hosts.has(hostOf(address)))
  if (lock !== undefined) {
    await noteHost(place, lock.address)
    return lock.address
  }
  throw new VolumeError('NotFenced', uid, `Volume ${uid} is open without its lock: a later owner would not find who has it open. Close it, and open it again; it is tried again.`)
}

/**
 * Nothing of this host has it open for writing: whoever of this epoch has its lock is dead, and is shut out so that nobody waits for that. Those who read it, here and on other hosts, have it on, unless it is to be open
 * nowhere (`everybody`). A dead one without a lock has nothing on its way: a program gives the lock back after all that it did under it, and an OSD drops what a client sent whose connection has ended. Of one that gave up
 * going back earlier its note tells (./roll-back.ts). A claim that did not come to its end has yet to shut out everybody of lower epochs. Under a lower epoch it does nothing.
 */
export async function release(place: RbdPlace, uid: string, epoch: number, whom: Whom): Promise<void> {
  const known = await readClaim(place, uid)
  if (known.epoch !== epoch || known.state === 'released') return
  await shutOut(place, uid, volumeImage(uid), async () => requireCurrent(uid, epoch, (await readEpochs(place, uid)).highest), known.state === 'claimed' ? whom : 'everybody')
  await writeClaim(place, uid, { epoch, state: 'released' })
}
