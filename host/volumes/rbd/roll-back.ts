import { requireCurrent, readEpochs } from './epochs'
import { CephFailure } from './ceph-errors'
import { objectOf } from './notes'
import type { RbdPlace } from './rbd-place'

/** What it ends with where a higher epoch is written down; no number of errno.h. */
const stale = 200

/**
 * Takes the image's lock for itself, so that whoever claims the volume finds whom to shut out, looks once more under which epoch it was claimed, and only then brings it back: the program `rbd` does the last
 * alone, and one of a host that slept since it had claimed would take back what was written under a higher epoch. By the library that `ceph` itself uses; the key comes by standard input.
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
    with rbd.Image(pool, image) as one:
        one.lock_acquire(rbd.RBD_LOCK_MODE_EXCLUSIVE)
        try:
            claimed = [int(name[6:]) for name, _ in pool.get_xattrs(notes) if re.fullmatch(r'epoch\.[0-9]{1,16}', name)]
        except rados.ObjectNotFound:
            claimed = []
        if epoch != '' and max(claimed, default=0) != int(epoch):
            sys.exit(${stale})
        one.rollback_to_snap(snapshot)
except (rados.Error, rbd.Error) as error:
    print(error, file=sys.stderr)
    sys.exit(min(abs(error.errno or 5), 199))
finally:
    cluster.shutdown()
`

/** @param epoch under which it was claimed; null: whatever it is. Throws `Stale` where it was claimed under a higher one since. */
export async function rollBackImage(place: RbdPlace, uid: string, at: { image: string; snapshot: string }, epoch: number | null, signal: AbortSignal): Promise<void> {
  const { pool, namespace, commands } = place
  await commands.python('rbd snap rollback', script, [pool, namespace, at.image, at.snapshot, objectOf(uid), epoch === null ? '' : String(epoch)], { turn: 'long', signal }).catch(async (error: unknown) => {
    if (!(error instanceof CephFailure) || error.errno !== stale || epoch === null) throw error
    const { highest } = await readEpochs(place, uid)
    requireCurrent(uid, epoch, highest)
    throw error
  })
}
