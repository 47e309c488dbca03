import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { ExternalObject, HostBalancer } from '@/contracts/host/v1/external'
import { Balancers } from '@/host/balancers/balancers'
import { External, externalReportKey } from '@/host/balancers/external'
import { HaproxyProcess } from '@/host/balancers/haproxy/haproxy'
import { roomForConnections } from '@/host/balancers/haproxy/room'
import { endUnwrittenHaproxies, removeFoldersBut, reserveBalancerAccount } from '@/host/balancers/haproxy/strays'
import { balancerNamespace, INNER_LINK, OUTER_LINK } from '@/host/balancers/names'
import type { BalancerParts } from '@/host/balancers/ports'
import { ServerLease } from '@/host/balancers/server-lease'
import type { ExternalPort } from '@/host/external/bridge-links'
import { bindings, FloatingAddresses, refusals } from '@/host/external/floating-addresses'
import { HeldAddresses } from '@/host/external/held-addresses'
import { LeaseGuard } from '@/host/external/lease-guard'
import { balancerMac, portName } from '@/host/external/names'
import { isRoot } from '@/host/images/jail/jail'
import { ExternalObjects } from '@/host/ledger/external-objects'
import type { Attachment } from '@/host/network/attachment'
import { balancerAttachment } from '@/host/network/balancer-port'
import type { HostNetwork } from '@/host/network/host-network'
import type { Run } from '@/host/network/kernel'
import { whatIs } from '@/host/network/network-namespace'
import { run } from '@/platform/exec'
import type { RoutedGuests } from './routed-guests'
import { StartGate } from './start-gate'
import type { Logger } from '@/platform/logger'

/** `run`: how commands are run in balancers' namespaces; by default platform/exec's. */
export type ExternalSettings = { hostTag: string; folders: { external: string; balancers: string }; network: HostNetwork; guests?: RoutedGuests; log: Logger; run?: Run }

/** Addresses of the outside and balancers of a host that is open. */
export type OpenExternal = { external: External; balancers: Balancers; heard: (askedAt: number) => void; listen: (changed: (key: string) => void) => void; leave: () => Promise<void>; suspend: (withinMs: number) => Promise<void>; /** After either, once its pods ended or were left. */ close: () => Promise<void> }

/** What of an earlier run stays, found before the network is made right. */
export type FoundExternal = { attachments: Attachment[]; open: () => Promise<OpenExternal> }

const placeOf = ({ uid, number, networkId, network }: HostBalancer, namespace: string, device: string) => ({ network: { id: networkId, ...network }, balancer: { uid, number, inner: network.inner, mac: network.mac }, namespace, device })
/** A thousand balancers may be begun at the same time, as after a reboot; each would be too late then. HAProxies that begin or reload, and commands in balancers' namespaces. */
const atOnce = { haproxies: 8, commands: 16 } as const

/** A balancer's link into the bridge. It has no more connections open than there is `room` for; one that is over is remembered for a while, so more are let through. */
export const outerPort = (hostTag: string, { number, addresses, options }: Pick<HostBalancer, 'number' | 'addresses' | 'options'>, namespace: string, device: string, room: number): ExternalPort => ({ namespace, device, mac: balancerMac(hostTag, number), addresses, connections: Math.ceil(Math.min(options.maxConnections, room) * 1.2) })

/** Why this host can answer for nothing of the outside, or null. */
export async function externalProblem(): Promise<string | null> {
  if (!isRoot) return 'the agent does not run as root'
  if (!(await run('haproxy', ['-v']).then(() => true, () => false))) return 'HAProxy is not installed (Debian\'s package haproxy)'
  // In a namespace that ends with it.
  return run('unshare', ['--net', 'ip', 'link', 'add', 'name', 'probe', 'type', 'bridge']).then(() => null, (error: unknown) => `the kernel makes no bridge: ${error instanceof Error ? error.message : String(error)}`)
}

/**
 * Reads what was kept of the outside and tells the network what of it is here already, before the network is made right: all else of it is removed then. A balancer whose addresses may be
 * elsewhere by now is not taken up.
 */
export async function findExternal(settings: ExternalSettings): Promise<FoundExternal> {
  const { hostTag, folders, network, log } = settings
  const kept = await ExternalObjects.open(folders.external, log)
  const lease = await ServerLease.open(kept.lastHeard, (heard) => kept.heard(heard))
  const [known, room] = [kept.all(), await roomForConnections()]
  for (const uid of await readdir(folders.balancers)) await reserveBalancerAccount(join(folders.balancers, uid))
  const pools = known.filter((one) => one.kind === 'addressPool')
  await network.external.setPools(pools).catch((error: unknown) => log.error({ err: error }, 'the bridge of the outside does not have all address pools; it is tried again'))
  const floating = known.filter((one) => one.kind === 'floatingAddress')
  const refused = refusals(pools, floating)
  network.floating.know(bindings(floating.filter(({ uid, until }) => !refused.has(uid) && lease.holds(until ?? null))))
  const placed = (await balancersHere(hostTag, known, lease)).flatMap((balancer) => placeHere(balancer, settings) ?? [])
  const here = placed.map(({ balancer }) => balancer)
  network.external.adopt(here.map((balancer) => outerPort(hostTag, balancer, balancerNamespace(hostTag, balancer.number), OUTER_LINK, room)))
  const attachments = placed.map(({ attachment }) => attachment)
  const open = async (): Promise<OpenExternal> => {
    const guard = new LeaseGuard({ hostTag, kernel: network.externalKernel, lease })
    const leased = <T extends { until?: number | null }>(all: readonly T[], key: (one: T) => string) => new Map(all.flatMap((one) => (typeof one.until === 'number' ? [[key(one), one.until] as const] : [])))
    await guard.adopt({ links: leased(here, ({ number }) => portName(hostTag, balancerNamespace(hostTag, number))), addresses: leased(floating, ({ address }) => address) }).catch((error: unknown) => log.error({ err: error }, 'what this host may answer for only while the server is heard of could not be guarded in the kernel; it is tried again'))
    const held = new HeldAddresses(here, network.external.isAsKnown)
    const parts = balancerParts(settings, guard, room)
    const balancers = await Balancers.open({ ...parts, outside: held.through(parts.outside) }, lease, known)
    let changed = (_: string) => {}
    held.listen((uid) => changed(externalReportKey({ kind: 'balancer', uid })))
    const addresses = new FloatingAddresses({ network, log, guard, guests: settings.guests, onReport: (uid) => changed(externalReportKey({ kind: 'floatingAddress', uid })) })
    balancers.listen((report) => changed(externalReportKey(report)))
    const external = new External({ kept, balancers, addresses, log, held, onLess: (key) => changed(key), holds: (until) => lease.holds(until), endsByItself: () => network.external.links.every((link) => guard.covers(link)) })
    const leaseTimer = setInterval(() => {
      if (external.checkLease()) log.warn('the server was not heard of for as long as this host may answer for its pods\' addresses: they are let go, for another host may answer for them')
    }, 1000).unref()
    const end = async (how: () => Promise<void>) => {
      external.end()
      addresses.end()
      clearInterval(leaseTimer)
      await how()
      await Promise.all([addresses.settled(), kept.close()])
    }
    const leavePools = () => network.external.leavePools().catch((error: unknown) => log.warn({ err: error }, 'routes over address pools are still there; the next start takes them up'))
    const close = async () => {
      await addresses.settled()
      // Where something is still answered for, it stays guarded.
      if (network.external.links.length === 0) await guard.adopt({ links: new Map(), addresses: new Map() }).catch((error: unknown) => log.warn({ err: error }, 'the guard over addresses of the outside is still in the kernel, where it guards nothing; the next start takes it up'))
    }
    const heard = (askedAt: number) => {
      lease.heard(askedAt)
      guard.renew().catch((error: unknown) => log.error({ err: error }, 'what this host may answer for was not renewed: balancers and addresses fall silent unless the next word of the server renews it'))
      // On a connection that broke off for so long; the next begins with all of it.
      if (balancers.mustHearAll || external.mustHearAll) throw new Error('the server was not heard of for so long that balancers or addresses were let go: it shall say all of them again')
    }
    return { external, balancers, heard, listen: (listener) => (changed = listener), leave: () => end(() => balancers.leave()), suspend: (withinMs) => end(() => balancers.suspend(withinMs).then(leavePools)), close }
  }
  return { attachments, open }
}

/** A balancer's place as it is to be here; null, and said, where it can have none: it costs itself alone. */
export function placeHere(balancer: HostBalancer, { hostTag, log }: Pick<ExternalSettings, 'hostTag'> & { log: Pick<ExternalSettings['log'], 'error'> }): { balancer: HostBalancer; attachment: Attachment } | null {
  try {
    return { balancer, attachment: balancerAttachment(placeOf(balancer, balancerNamespace(hostTag, balancer.number), INNER_LINK)) }
  } catch (error) {
    log.error({ err: error, balancer: balancer.uid }, 'a balancer that was kept has no place in its network and is not taken up')
    return null
  }
}

/** Those whose namespace is there and that this host may answer for. */
async function balancersHere(hostTag: string, known: readonly ExternalObject[], lease: ServerLease): Promise<HostBalancer[]> {
  const held = known.filter((one) => one.kind === 'balancer').filter(({ until }) => lease.holds(until))
  const there = await Promise.all(held.map(({ number }) => whatIs(balancerNamespace(hostTag, number)).catch(() => null)))
  return held.filter((_, at) => there[at] === 'namespace')
}

/** Where balancers get their links, and their HAProxy. `room`: connections that one of them may have at most. */
export function balancerParts({ hostTag, folders, network, log, run: runCommand = run }: ExternalSettings, guard: Pick<LeaseGuard, 'cover' | 'uncover'>, room: number): BalancerParts {
  const [starting, commands] = [new StartGate(atOnce.haproxies), new StartGate(atOnce.commands)]
  return {
    hostTag, log, run: (...command) => commands.do(() => runCommand(...command)),
    outside: {
      attach: async (balancer, namespace, device) => {
        await guard.cover(portName(hostTag, namespace), balancer.until)
        await network.external.attach(outerPort(hostTag, balancer, namespace, device, room))
      },
      detach: async (_, namespace) => {
        await network.external.detach(namespace)
        await guard.uncover(portName(hostTag, namespace))
      },
    },
    network: {
      attach: async (balancer, namespace, device) => void (await network.attachBalancer(placeOf(balancer, namespace, device))),
      detach: ({ uid }) => network.detachBalancer(uid),
    },
    haproxy: ({ uid }, namespace, onEnd) => new HaproxyProcess({ folder: join(folders.balancers, uid), namespace, onEnd, log, inTurn: (act) => starting.do(act) }),
    haproxies: { endUnwritten: () => endUnwrittenHaproxies(folders.balancers), removeBut: (kept, failed) => removeFoldersBut(folders.balancers, kept, failed) },
  }
}
