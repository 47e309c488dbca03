import { formatIp, inSubnet, parseIp, parseSubnet } from '@/domain/shared/ip'
import { ExecError } from '@/platform/exec'
import type { NetworkNamespaceKernel } from '../kernel'
import type { NetworkState } from '../network-state'
import { sourceOf } from './floating-section'

type Kernel = Pick<NetworkNamespaceKernel, 'stream'>
type State = Pick<NetworkState, 'floating' | 'transit' | 'subnets'>

const LINE = /\bsrc=(\S+) dst=(\S+) .*?\bsrc=(\S+) dst=(\S+)/

/** Kinds of connections that one look ends; what is more is for the next. A kind is an address with a pod, so a tenant has no way to make many. */
const MOST_KINDS = 1000

/**
 * Ends, in a network's namespace, the connections that addresses of the outside led to or from a pod which does not have them now: an address that moved, went, or came. It looks
 * at what the kernel has instead of what changed, so what an agent that was killed left is found too. `pools`: where such addresses are. Throws ExecError.
 */
export async function endStrayFlows(kernel: Kernel, state: State, pools: readonly string[]): Promise<void> {
  if (pools.length === 0) return
  const stray = strayFlows(state, pools)
  await kernel.stream('conntrack', ['-L', '-f', 'ipv4'], stray.read)
  for (const args of stray.found.values()) {
    // It fails with 1 where they ended by themselves meanwhile.
    await kernel.stream('conntrack', ['-D', '-f', 'ipv4', ...args]).catch((error: unknown) => { if (!(error instanceof ExecError) || error.code !== 1) throw error })
  }
}

/**
 * Reads what `conntrack -L` prints, and has for each kind of connection that is not right any more the arguments by which all of it is found: those that an address led to a pod, and those that
 * a pod opened from an address. Each is one look through the table, however many connections it has.
 */
export function strayFlows({ floating, transit, subnets }: State, pools: readonly string[]): { read: (line: string) => void; found: ReadonlyMap<string, readonly string[]> } {
  const targets = new Map(floating.map(({ address, target }) => [address, target]))
  const sources = sourceOf(floating)
  const within = pools.map(parseSubnet)
  const inside = subnets.map(({ cidr }) => parseSubnet(cidr))
  const isPooled = (address: string) => within.some((subnet) => inSubnet(subnet, parseIp(address)))
  const isInside = (address: string) => inside.some((subnet) => inSubnet(subnet, parseIp(address)))
  const found = new Map<string, readonly string[]>()
  const read = (line: string) => {
    const [, from, to, answers, answered] = (LINE.exec(line) ?? []).map((text, at) => (at === 0 ? text : formatIp(parseIp(text))))
    if (from === undefined || to === undefined || answers === undefined || answered === undefined || found.size >= MOST_KINDS) return
    const isLed = isPooled(to) && answers !== (targets.get(to) ?? to)
    const isFrom = isInside(from) && answered !== from && (isPooled(answered) ? sources.get(from) !== answered : answered === transit && sources.has(from))
    if (isLed) found.set(`to ${to} ${answers}`, ['--orig-dst', to, '--reply-src', answers])
    if (isFrom) found.set(`from ${from} ${answered}`, ['--orig-src', from, '--reply-dst', answered])
  }
  return { read, found }
}
