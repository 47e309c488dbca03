import { VolumeError } from '../store'
import { shutOutSeconds } from './ceph-commands'
import { hostOf, knownHosts } from './hosts'
import { objectOf } from './notes'
import type { RbdPlace } from './rbd-place'
import { blocklist, lockList, managers, watcherList } from './replies'

/** Of the year that it is asked for. */
const certainMs = 300 * 86_400_000
/** A client that is shut out cannot come back as itself. Whoever comes new after so many turns is nobody that was there before. */
const turns = 5
/** An image has one owner, and some programs of agents. Whoever broke out of a VM can make any number of clients and locks. */
const mostClients = 32

/** Who may write to an image, or asks to be told of changes: everybody who has it open, whether he has written yet or not. A QEMU that only reads is a watcher too, for its driver always opens an image for writing (block/rbd.c). `watchers` the cluster itself saw; `locks` are written in the image. */
export type Clients = { addresses: string[]; watchers: string[]; locks: { id: string; locker: string; address: string }[] }

export const locksOf = (place: RbdPlace, image: string): Promise<Clients['locks']> => place.commands.rbdJson(lockList, ['lock', 'ls', place.path(image)])

export async function clientsOf(place: RbdPlace, image: string): Promise<Clients> {
  const [{ watchers }, locks] = await Promise.all([place.commands.rbdJson(watcherList, ['status', place.path(image)]), locksOf(place, image)])
  return { addresses: [...new Set([...watchers, ...locks].map(({ address }) => address))], watchers: watchers.map(({ address }) => address), locks }
}

/** Without those whom a lock alone names, and falsely: a VM that was broken into may write there who it likes, and would have this host shut out others. Whoever writes to an image is at a host that is written down, and is no manager of the cluster. */
async function withoutFalse(place: RbdPlace, { watchers }: Pick<Clients, 'watchers'>, addresses: readonly string[]): Promise<readonly string[]> {
  if (addresses.every((address) => watchers.includes(address))) return addresses
  const [hosts, own] = await Promise.all([knownHosts(place), place.commands.cephJson(managers, ['mgr', 'dump'])])
  return addresses.filter((address) => watchers.includes(address) || (hosts.has(hostOf(address)) && !own.includes(address)))
}

/** `everybody`: readers too, and who has no lock yet. `writers`: those alone who have the image's lock, without which librbd writes nothing and changes nothing of an image. */
export type Whom = 'everybody' | 'writers'

/**
 * Shuts out everybody who has the image open, or those of them who write, and gives their lock back. Whoever is shut out completes no write any more, whatever he still has on the way, once
 * anybody else has read or written after this. `requireMine` rejects where a higher epoch is known: it is asked between looking and shutting out, so that a host that is late
 * shuts out nobody whom a later claim has let in. Returns whom it has shut out.
 */
export async function shutOut(place: RbdPlace, uid: string, image: string, requireMine: () => Promise<unknown>, whom: Whom = 'everybody'): Promise<string[]> {
  const out = new Set<string>()
  for (let turn = 0; turn < turns; turn += 1) {
    const clients = await clientsOf(place, image)
    const { locks } = clients
    const addresses = whom === 'everybody' ? clients.addresses : [...new Set(locks.map(({ address }) => address))]
    const coming = await withoutFalse(place, clients, addresses.filter((address) => !out.has(address)))
    if (coming.length === 0 && locks.length === 0) return [...out]
    if (Math.max(out.size + coming.length, locks.length) > mostClients) throw new VolumeError('NotFenced', uid, `Volume ${uid} could not be taken over: it has ${Math.max(addresses.length, locks.length)} clients, and ${mostClients} at most are shut out at once. An operator has to look who they are (rbd status and rbd lock ls ${place.path(image)}) and shut their hosts out; it is tried again.`, { isOperators: true })
    await requireMine()
    await blockAll(place, uid, coming)
    for (const address of coming) out.add(address)
    for (const { id, locker } of locks) await breakLock(place, image, id, locker)
  }
  throw new VolumeError('NotFenced', uid, `Volume ${uid} could not be taken over: somebody opens it again and again. Look who (rbd status ${place.path(image)}), and end that; it is tried again.`, { isOperators: true })
}

/**
 * Takes away the lock of an image that no VM opens (one that is being made, or is removed) from a program of an agent that was killed while it had it: whoever has the lock and lives is seen by the cluster. Nobody is shut out: what
 * a program that only slept does when it wakes it does to an image that goes. Of a volume the lock is its owner's, and goes with a claim or a release.
 * Librbd would do it by itself before it changes an image. In Ceph 16.2 it cannot: it asks the monitors for a time in words that they refuse (EINVAL), and without one they would let in a sleeper after an hour.
 * @returns whether there was one
 */
export async function breakDeadLocks(place: RbdPlace, image: string): Promise<boolean> {
  const locks = await locksOf(place, image)
  // After the locks: who has one and lives is seen by now, or has given it back.
  const { watchers } = await place.commands.rbdJson(watcherList, ['status', place.path(image)])
  const dead = locks.filter(({ address }) => !watchers.some((one) => one.address === address)).slice(0, mostClients)
  for (const { id, locker } of dead) await breakLock(place, image, id, locker)
  return dead.length > 0
}

/** Shuts out these clients, of whom the tenant's notes alone say that they are some, where that may be true. `requireMine`: as of {@link shutOut}. */
export async function shutOutNoted(place: RbdPlace, uid: string, addresses: readonly string[], requireMine: () => Promise<unknown>): Promise<void> {
  if (addresses.length > mostClients) throw new VolumeError('NotFenced', uid, `Volume ${uid} could not be brought back: its notes name ${addresses.length} clients that may do so still, and ${mostClients} at most are shut out at once. An operator has to look at them (rados --pool ${place.pool} --namespace ${place.namespace} listxattr ${objectOf(uid)}) and remove those of no host; it is tried again.`, { isOperators: true })
  const clients = await withoutFalse(place, { watchers: [] }, addresses)
  await requireMine()
  await blockAll(place, uid, clients)
}

async function blockAll(place: RbdPlace, uid: string, addresses: readonly string[]): Promise<void> {
  if (addresses.length === 0) return
  for (const address of addresses) await place.commands.ceph(['osd', 'blocklist', 'add', address, String(shutOutSeconds)])
  const listed = await place.commands.cephJson(blocklist, ['osd', 'blocklist', 'ls'])
  // "2027-11-26T07:57:25.016339+0000", of newer versions too.
  const until = new Map(listed.map((entry) => [entry.addr, Date.parse(entry.until.replace(/([+-]\d\d)(\d\d)$/, '$1:$2'))]))
  const missing = addresses.find((address) => !((until.get(address) ?? 0) > Date.now() + certainMs))
  if (missing !== undefined) throw new VolumeError('NotFenced', uid, `Volume ${uid} could not be taken over: Ceph did not shut out ${missing}. Look at "ceph osd blocklist ls" and at the clock of its monitors; it is tried again.`, { isOperators: true })
}

/** Somebody may have done it meanwhile: it is looked afterwards whether there is one. By itself `rbd` would shut out whom the lock names. */
async function breakLock(place: RbdPlace, image: string, id: string, locker: string): Promise<void> {
  await place.commands.rbd(['lock', 'rm', '--rbd-blocklist-on-break-lock', 'false', place.path(image), id, locker]).catch(() => {})
}
