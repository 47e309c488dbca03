import { requireCurrent, readEpochs } from './epochs'
import { CephFailure } from './ceph-errors'
import { shutOutNoted } from './fence'
import { noteNames, objectOf, removeNote } from './notes'
import type { RbdPlace } from './rbd-place'
import { clientAddress } from './replies'

/** A note with the address of each client that rolls back, or did and has not said that it came to its end. They are only ever added, and removed by their names. */
const prefix = 'rolling-back.'

/** What it ends with where a higher epoch is written down; no number of errno.h. */
const stale = 200

/**
 * Takes the image's lock for itself, so that whoever claims the volume finds whom to shut out, looks once more under which epoch it was claimed, and only then brings it back: the program `rbd` does the last
 * alone, and one of a host that slept since it had claimed would take back what was written under a higher epoch. By the library that `ceph` itself uses; the key comes by standard input.
 * Before it changes anything it notes its own address, and takes that back once all that it asked for was answered: an operation that it gave up after its time may come to an OSD late, when the image has no lock of it any more.
 */
const script = String.raw`
import re, sys, rados, rbd
monitors, user, pool, namespace, image, snapshot, notes, epoch, *settings = sys.argv[1:]
conf = dict(one.split('=', 1) for one in settings)
conf.update(mon_host=monitors, key=sys.stdin.read().strip())
cluster = rados.Rados(name='client.' + user, conf=conf)
try:
    cluster.connect()
    pool = cluster.open_ioctx(pool)
    pool.set_namespace(namespace)
    mine = '${prefix}' + re.search(r'(?:\d{1,3}(?:\.\d{1,3}){3}|\[[0-9a-fA-F:.]+\]):0/\d+', str(cluster.get_addrs())).group()
    is_current = True
    with rbd.Image(pool, image) as one:
        pool.set_xattr(notes, mine, b'1')
        one.lock_acquire(rbd.RBD_LOCK_MODE_EXCLUSIVE)
        claimed = [int(name[6:]) for name, _ in pool.get_xattrs(notes) if re.fullmatch(r'epoch\.[0-9]{1,16}', name)]
        is_current = epoch == '' or max(claimed, default=0) == int(epoch)
        if is_current:
            one.rollback_to_snap(snapshot)
    pool.rm_xattr(notes, mine)
    sys.exit(0 if is_current else ${stale})
except (rados.Error, rbd.Error) as error:
    print(error, file=sys.stderr)
    sys.exit(min(abs(error.errno or 5), 199))
finally:
    cluster.shutdown()
`

/** Whoever began with it before and did not come to its end is shut out, so that nothing of his comes in late. */
async function shutOutEarlier(place: RbdPlace, uid: string, epoch: number | null): Promise<void> {
  const names = (await noteNames(place, uid)).filter((name) => name.startsWith(prefix) && clientAddress.safeParse(name.slice(prefix.length)).success)
  if (names.length === 0) return
  await shutOutNoted(place, uid, names.map((name) => name.slice(prefix.length)), async () => {
    if (epoch !== null) requireCurrent(uid, epoch, (await readEpochs(place, uid)).highest)
  })
  for (const name of names) await removeNote(place, uid, name)
}

/** @param epoch under which it was claimed; null: whatever it is. Throws `Stale` where it was claimed under a higher one since. */
export async function rollBackImage(place: RbdPlace, uid: string, at: { image: string; snapshot: string }, epoch: number | null, signal: AbortSignal): Promise<void> {
  const { pool, namespace, commands } = place
  await shutOutEarlier(place, uid, epoch)
  await commands.python('rbd snap rollback', script, [pool, namespace, at.image, at.snapshot, objectOf(uid), epoch === null ? '' : String(epoch)], { turn: 'long', signal }).catch(async (error: unknown) => {
    if (!(error instanceof CephFailure) || error.errno !== stale || epoch === null) throw error
    const { highest } = await readEpochs(place, uid)
    requireCurrent(uid, epoch, highest)
    throw error
  })
}
