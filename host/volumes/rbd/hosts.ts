import { errno, unless } from './ceph-errors'
import type { RbdPlace } from './rbd-place'

/**
 * Which addresses the hosts of a store have as Ceph sees them, agents and VMs alike, written down where no VM's key writes: in a namespace of the pool that is no tenant's. Who holds an image's lock is
 * written in the image, where a VM that was broken into may name whom it likes; nobody's guest writes to an image before its host is noted here.
 */
const [namespace, object, prefix] = ['hypernetes', 'hypernetes.hosts', 'host.']

const rados = (place: RbdPlace, args: readonly string[]) => place.commands.rados(place.pool, namespace, args)

/** `192.0.2.7:0/123` is a client at 192.0.2.7. */
export const hostOf = (client: string): string => client.replace(/:\d+\/\d+$/, '')

export async function knownHosts(place: RbdPlace): Promise<Set<string>> {
  const text = await rados(place, ['listxattr', object]).catch(unless([errno.notFound], ''))
  return new Set(text.split('\n').flatMap((line) => (line.startsWith(prefix) ? [line.slice(prefix.length)] : [])))
}

/** Once for each address, however often it is asked. */
export async function noteHost(place: RbdPlace, client: string): Promise<void> {
  const { noted } = place.commands.ofStore
  const host = hostOf(client)
  if (noted.has(host)) return
  await rados(place, ['setxattr', object, `${prefix}${host}`, '1'])
  noted.add(host)
}

const script = String.raw`
import sys, rados
monitors, user, *settings = sys.argv[1:]
conf = dict(one.split('=', 1) for one in settings)
conf.update(mon_host=monitors, key=sys.stdin.read().strip())
cluster = rados.Rados(name='client.' + user, conf=conf)
try:
    cluster.connect()
    print(cluster.get_addrs())
except rados.Error as error:
    print(error, file=sys.stderr)
    sys.exit(min(abs(error.errno or 5), 199))
finally:
    cluster.shutdown()
`

/** Of the agent, whose own programs take locks, too. Ceph tells a client from where it sees it. */
export async function noteOwnHost(place: RbdPlace): Promise<void> {
  const { ofStore } = place.commands
  await (ofStore.own ??= readOwn(place.until(undefined)).catch((error: unknown) => {
    ofStore.own = null
    throw error
  }))
}

async function readOwn(place: RbdPlace): Promise<void> {
  const text = await place.commands.python('rados address', script, [])
  const clients = text.match(/(?:\d{1,3}(?:\.\d{1,3}){3}|\[[0-9a-fA-F:.]+\]):0\/\d+/g)
  if (!clients) throw new Error(`rados said what was not expected of this host's address: ${text.slice(0, 200)}. Is this version of Ceph supported (16 to 19)?`)
  for (const client of clients) await noteHost(place, client)
}
