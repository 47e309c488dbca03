import { createHash } from 'node:crypto'
import { formatCidr, isCidr, isIpv4, parseCidr, parseIpv4, subnetOf, type Cidr } from '@/domain/shared/cidr'
import type { Link, NetworkNamespaceKernel, Route } from './kernel'
import { uplinkPrefix } from './names'
import { freeTransitBlock, transitBlocks } from './transit-pool'

// One metric for all installations: the kernel refuses a second route to the same block with it, so that a block
// is taken or not in one step. Whose it is stands in the route's window, which means nothing where nothing is sent.
const HOLD_METRIC = 1_752_789_093

/**
 * Finds the block of transit addresses that this host tag holds, or takes a free one of the pool. A block is held
 * by an `unreachable` route over it, so that a transit address which no network has leads nowhere. `taken` says
 * whether it was taken now. Throws an Error when every block is in use.
 */
export async function holdTransitBlock(kernel: NetworkNamespaceKernel, hostTag: string, pool: string): Promise<{ block: Cidr; taken: boolean }> {
  const blocks = transitBlocks(pool, hostTag)
  const { links, routes: first } = await kernel.linksAndRoutes()
  for (let routes = first; ; ) {
    const held = routes.find((route) => isHeldBy(hostTag, route) && blocks.some((block) => formatCidr(block) === route.dst))
    if (held) return { block: parseCidr(held.dst), taken: false }
    const block = freeTransitBlock(blocks, inUse(links, routes, hostTag))
    try {
      await kernel.ipBatch([`route add unreachable ${formatCidr(block)} metric ${HOLD_METRIC} window ${ownerMark(hostTag)}`])
      return { block, taken: true }
    } catch (error) {
      // Another installation was quicker: its route is there now, and the next free block is another one.
      routes = await kernel.routes()
      if (!routes.some((route) => route.dst === formatCidr(block) && route.metric === HOLD_METRIC)) throw error
    }
  }
}

/** Gives back every block that this host tag holds. */
export async function releaseTransitBlocks(kernel: NetworkNamespaceKernel, hostTag: string): Promise<void> {
  const held = (await kernel.routes()).filter((route) => isHeldBy(hostTag, route))
  await kernel.ipBatchForced(held.map((route) => `route delete unreachable ${route.dst} metric ${HOLD_METRIC}`))
}

function isHeldBy(hostTag: string, route: Route): boolean {
  return route.type === 'unreachable' && route.metric === HOLD_METRIC && (route.metrics ?? []).some(({ window }) => window === ownerMark(hostTag))
}

/** Whose a route of this host is: 31 bits of the host tag’s hash, never 0. */
export function ownerMark(hostTag: string): number {
  return (createHash('sha256').update(`transit ${hostTag}`).digest().readUInt32BE(0) >>> 1) || 1
}

/** Subnets that this host has or routes, without our own links and without the default route. */
function inUse(links: readonly Link[], routes: readonly Route[], hostTag: string): Cidr[] {
  const addresses = links.flatMap((link) => link.addr_info)
    .flatMap(({ family, local, prefixlen }) => family === 'inet' && local !== undefined ? [subnetOf(parseIpv4(local), prefixlen)] : [])
  const destinations = routes
    .filter((route) => !isHeldBy(hostTag, route) && !route.dev?.startsWith(uplinkPrefix(hostTag)))
    .flatMap(({ dst }) => isCidr(dst) ? [parseCidr(dst)] : isIpv4(dst) ? [subnetOf(parseIpv4(dst), 32)] : [])
  return [...addresses, ...destinations].filter(({ prefixLength }) => prefixLength > 0)
}
