import { z } from 'zod'
import { NetworkNamespaceKernel, type Observed, type Run } from '@/host/network/kernel'
import { PEER_ROUTER } from '@/host/network/peers/peer-link'
import { ExecError } from '@/platform/exec'
import { familiesOf, forgetNeighbour, intoBridge, neighbour, whole, type BridgeDevice } from './bridge-device'
import { EXTERNAL_MTU } from './names'

/**
 * A link from the bridge into a namespace (of a network or a balancer), the addresses that are behind it, and the MAC address of its end there. `connections`: what each of its addresses shall bear at a
 * time, by default as many as a pod's.
 */
export type ExternalPort = { namespace: string; device: string; mac: string; addresses: readonly string[]; connections?: number }

/** The next hop in each family of all that is behind the bridge: on a link that leads to it alone nobody has to be asked. */
export const EXTERNAL_ROUTER = PEER_ROUTER

const forwardingEntries = z.array(z.object({ mac: z.string(), ifname: z.string(), state: z.string().optional(), master: z.string().optional() }))

/** Makes a link into the bridge, whose end there is called `name`, right, and forgets what was behind it `before` and is not now. Throws ExecError. */
export async function makeLink(kernel: NetworkNamespaceKernel, bridge: string, name: string, { namespace, device, mac, addresses }: ExternalPort, before: readonly string[]): Promise<void> {
  // Of the one link alone: a host may have thousands.
  const isThere = await kernel.command('ip', ['-o', 'link', 'show', 'dev', name]).then(() => true, (error: unknown) => {
    if (error instanceof ExecError && error.code === 1) return false
    throw error
  })
  await kernel.ipBatch([
    ...(isThere ? [] : [`link add name ${name} mtu ${EXTERNAL_MTU} type veth peer name ${device} address ${mac} mtu ${EXTERNAL_MTU} netns ${namespace}`]),
    ...intoBridge(name, bridge),
    ...addresses.map((one) => neighbour(one, mac, bridge)),
  ])
  await kernel.bridgeBatch([`fdb replace ${mac} dev ${name} master static`])
  await kernel.ipBatchForced(before.filter((one) => !addresses.includes(one)).map((one) => forgetNeighbour(one, bridge)))
}

/** What is to be there inside of a balancer's namespace; it may be repeated. Throws ExecError. */
export async function settleInside({ namespace, device, mac, addresses }: ExternalPort, bridgeMac: string, run: Run): Promise<void> {
  const inside = new NetworkNamespaceKernel(namespace, run)
  const has = (await inside.links()).find(({ ifname }) => ifname === device)?.addr_info.flatMap(({ local }) => local ?? []) ?? []
  await inside.ipBatchForced(has.filter((one) => !addresses.includes(one)).map((one) => `address delete ${whole(one)} dev ${device}`))
  await inside.ipBatch([
    `link set dev ${device} address ${mac} mtu ${EXTERNAL_MTU} addrgenmode none up`,
    ...addresses.map((one) => `address replace ${whole(one)} dev ${device}${one.includes(':') ? ' nodad' : ''}`),
    ...familiesOf(addresses).flatMap((family) => [`neigh replace ${EXTERNAL_ROUTER[family]} lladdr ${bridgeMac} nud permanent dev ${device}`, `route replace default via ${EXTERNAL_ROUTER[family]} dev ${device} onlink`]),
  ])
}

/** Tells, by its name in the bridge, whether a link is as {@link makeLink} makes it, from what was observed of the agent's namespace. Throws ExecError. */
export async function rightLinks(kernel: NetworkNamespaceKernel, bridge: BridgeDevice['name'], { links, neighbours }: Pick<Observed, 'links' | 'neighbours'>): Promise<(name: string, port: ExternalPort) => boolean> {
  const entries = forwardingEntries.parse(JSON.parse(await kernel.command('bridge', ['-j', 'fdb', 'show', 'br', bridge]) || '[]'))
  return (name, port) => {
    const link = links.find(({ ifname }) => ifname === name)
    return link !== undefined && link.flags.includes('UP') && link.mtu === EXTERNAL_MTU && link.master === bridge
      && entries.some(({ mac, ifname, state, master }) => mac === port.mac && ifname === name && state === 'static' && master === bridge)
      && port.addresses.every((one) => neighbours.some(({ dst, dev, lladdr }) => dst === one && dev === bridge && lladdr === port.mac))
  }
}
