import { VolumeError } from '../store'
import { errno } from './ceph-errors'

/** What is asked of a pool that is full: a verb, where, and what else it needs. */
export type FullPoolRequest = { verb: string; pool: string; namespace: string; rest: readonly string[] }

/** Words of `rbd` that only read, or make room. */
const rbdVerbs = ['ls', 'ls --long', 'info', 'snap ls', 'du', 'status', 'lock ls', 'lock rm', 'trash ls', 'rename', 'snap rm', 'rm', 'shrink']
/** Of `rados`: notes of a volume, which are attributes and take no room of their own. */
const radosVerbs = ['listxattr', 'getxattr', 'setxattr', 'rmxattr', 'rm']

/** The same as a command line of `rbd` or `rados` asks for; null: it needs room. */
export function fullPoolRequest(program: string, args: readonly string[]): FullPoolRequest | null {
  if (program === 'rados') {
    const [, pool = '', , namespace = '', verb = '', ...rest] = args
    return radosVerbs.includes(verb) ? { verb: verb === 'rm' ? 'rmobject' : verb, pool, namespace, rest } : null
  }
  // What comes after the first path may be whatever a tenant has written: a lock's name.
  const at = args.findIndex((word) => word.includes('/'))
  const [[pool = '', namespace = '', image], before] = [args[at]?.split('/') ?? [], args.slice(0, at)]
  const option = before.findIndex((word) => word.startsWith('--'))
  const words = [...before.slice(0, option === -1 ? before.length : option), ...(before.includes('--long') ? ['--long'] : [])].join(' ')
  const verb = words === 'resize' && before.includes('--allow-shrink') ? 'shrink' : words
  if (!rbdVerbs.includes(verb)) return null
  const more = args.slice(at + 1)
  const rest = verb === 'rename' ? more.map((path) => path.split('/')[2] ?? '') : verb === 'lock rm' ? more : verb === 'snap rm' ? [before[before.indexOf('--snap-id') + 1] ?? ''] : verb === 'shrink' ? [String(Number.parseInt(before[before.indexOf('--size') + 1] ?? '', 10))] : []
  return { verb, pool, namespace, rest: image === undefined ? rest : [image, ...rest] }
}

/** Thrown for what needs room. */
export const noRoomInPool = (store: string): VolumeError =>
  new VolumeError('NoSpace', store, `The store ${store} has no room left: its pool in Ceph is full, or its quota is used up. Delete volumes or snapshots that nobody needs, or ask the operator for a larger store; it is tried again by itself.`)

/**
 * The few verbs of `rbd` and `rados` that read or make room, in their words. On a pool that is full the programs wait for room that only they could make: before anything else `rbd` looks by a *write* whether the
 * namespace is there (tried: 16.2). By the library an operation may say that it wants to be tried all the same (CEPH_OSD_FLAG_FULL_TRY): it is carried out where it takes no room, and fails with ENOSPC or EDQUOT where it does.
 */
export const fullPoolScript = String.raw`
import json, sys, rados, rbd
monitors, user, request, *settings = sys.argv[1:]
request = json.loads(request)
verb, rest = request['verb'], request['rest']
conf = dict(one.split('=', 1) for one in settings)
conf.update(mon_host=monitors, key=sys.stdin.read().strip())
if verb == 'lock rm':
    conf['rbd_blocklist_on_break_lock'] = 'false'
cluster = rados.Rados(name='client.' + user, conf=conf)

def opened(pool, image, snapshot=None, read_only=True):
    return rbd.Image(pool, image, snapshot=snapshot, read_only=read_only)

def info(pool, image):
    with opened(pool, image) as one:
        found = {'id': one.id(), 'size': one.size()}
        try:
            _, parent, snapshot = one.parent_info()
            found['parent'] = {'image': parent, 'snapshot': snapshot}
        except rbd.ImageNotFound:
            pass
        return found

def snapshots(pool, image, everything=True):
    with opened(pool, image) as one:
        return sorted(({'id': each['id'], 'name': each['name'], 'size': each['size']} for each in one.list_snaps() if everything or each['namespace'] == rbd.RBD_SNAP_NAMESPACE_TYPE_USER), key=lambda each: each['id'])

def lines(pool):
    for image in rbd.RBD().list(pool):
        try:
            yield {'image': image, 'size': info(pool, image)['size']}
            for each in snapshots(pool, image, False):
                yield {'image': image, 'snapshot': each['name'], 'size': each['size']}
        except rbd.ImageNotFound:
            pass

def usage(pool, path):
    image, _, only = path.partition('@')
    before = None
    for snapshot in [each['name'] for each in snapshots(pool, image, False)] + [None]:
        if only not in ('', snapshot):
            before = snapshot
            continue
        with opened(pool, image, snapshot) as one:
            size, parts = one.size(), []
            if size > 0:
                one.diff_iterate(0, size, before, lambda offset, length, exists: parts.append(length if exists else 0), include_parent=False, whole_object=True)
            yield {'name': image, **({} if snapshot is None else {'snapshot': snapshot}), 'provisioned_size': size, 'used_size': sum(parts)}
        before = snapshot

def watchers(pool, image):
    with opened(pool, image) as one:
        return [{'address': each['addr']} for each in one.watchers_list()]

def lockers(pool, image):
    with opened(pool, image) as one:
        return [{'id': cookie, 'locker': client, 'address': address} for client, cookie, address in (one.list_lockers() or {}).get('lockers', [])]

def change(pool, image, work):
    with opened(pool, image, read_only=False) as one:
        work(one)

def remove_snapshot(pool, image, snapshot):
    try:
        change(pool, image, lambda one: one.remove_snap_by_id(int(snapshot)))
    except rbd.ReadOnlyImage:
        # No VM has it open, so nobody waits for room: a program died that had its lock.
        if image.startswith('removed-'):
            raise
        print('the QEMU that has the volume open would do it, and waits for room itself', file=sys.stderr)
        sys.exit(${errno.noSpace})

def remove(pool, image):
    try:
        rbd.RBD().remove(pool, image)
    except (rbd.ImageNotFound, rbd.DiskQuotaExceeded, rbd.NoSpace):
        # It goes by way of the trash, which may be an object that would have to be made, and says then that it found no image. Its bytes go all the same; the rest once that has made room.
        change(pool, image, lambda one: one.resize(0))
        print('its bytes are gone, and the rest of it goes once there is room', file=sys.stderr)
        sys.exit(${errno.noSpace})

reads = {
    'ls': lambda pool: rbd.RBD().list(pool),
    'ls --long': lambda pool: list(lines(pool)),
    'info': info,
    'snap ls': snapshots,
    'du': lambda pool, path: {'images': list(usage(pool, path))},
    'status': lambda pool, image: {'watchers': watchers(pool, image)},
    'lock ls': lockers,
    'trash ls': lambda pool: [{'name': each['name']} for each in rbd.RBD().trash_list(pool)],
}
texts = {
    'listxattr': lambda pool, name: '\n'.join(key for key, _ in pool.get_xattrs(name)),
    'getxattr': lambda pool, name, key: pool.get_xattr(name, key).decode(),
}
changes = {
    'lock rm': lambda pool, image, cookie, client: change(pool, image, lambda one: one.break_lock(client, cookie)),
    'rename': lambda pool, image, name: rbd.RBD().rename(pool, image, name),
    'snap rm': remove_snapshot,
    'rm': remove,
    'shrink': lambda pool, image, size: change(pool, image, lambda one: one.resize(int(size))),
    'setxattr': lambda pool, name, key, value: pool.set_xattr(name, key, value.encode()),
    'rmxattr': lambda pool, name, key: pool.rm_xattr(name, key),
    'rmobject': lambda pool, name: pool.remove_object(name),
}
try:
    cluster.connect()
    pool = cluster.open_ioctx(request['pool'])
    pool.set_namespace(request['namespace'])
    pool.set_osdmap_full_try()
    if verb in reads:
        print(json.dumps(reads[verb](pool, *rest)))
    elif verb in texts:
        print(texts[verb](pool, *rest))
    else:
        changes[verb](pool, *rest)
except (rados.Error, rbd.Error) as error:
    print(error, file=sys.stderr)
    sys.exit(min(abs(error.errno or 5), 199))
finally:
    cluster.shutdown()
`
