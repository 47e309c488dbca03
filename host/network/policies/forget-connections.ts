import { familyOf, formatIp, inSubnet, parseIp, parseSubnet } from '@/domain/shared/ip'
import { ExecError } from '@/platform/exec'
import type { NetworkNamespaceKernel } from '../kernel'
import { allDone } from '../serial'

type Kernel = Pick<NetworkNamespaceKernel, 'stream'>

/** What ends or comes while it is looked through is for the next look; beyond so many of them somebody makes it faster than it goes. */
const MOST_LOOKS = 10
/** Addresses that are looked for side by side. */
const AT_ONCE = 4
/** Who asked, who was asked, and who was asked by way of a service. */
const SIDES = ['--orig-src', '--orig-dst', '--reply-src']

/**
 * Makes a network's namespace forget the connections of addresses that no pod here has any more, from them and to them. What still comes as an answer would else
 * reach the pod that gets the address next, which never asked, past its policies. Throws ExecError, and an Error where there are always more.
 */
export async function forgetConnections(kernel: Kernel, addresses: readonly string[]): Promise<void> {
  for (let at = 0; at < addresses.length; at += AT_ONCE) await allDone(addresses.slice(at, at + AT_ONCE).map((address) => forgetAddress(kernel, address)))
}

/** One side after another: two that look at once find the same, and each ends at what the other took. */
async function forgetAddress(kernel: Kernel, address: string): Promise<void> {
  for (const side of SIDES) {
    for (let look = 0; await forgetSome(kernel, ['-D', '-f', familyOf(address) === 4 ? 'ipv4' : 'ipv6', side, address]); look++) {
      if (look === MOST_LOOKS) throw new Error(`connections of ${address} come faster than they are forgotten`)
    }
  }
}

/** False where there was none. */
async function forgetSome(kernel: Kernel, args: readonly string[]): Promise<boolean> {
  try {
    // It prints each.
    await kernel.stream('conntrack', args)
    return true
  } catch (error) {
    if (error instanceof ExecError && error.code === 1) {
      if (error.stderr.includes(' 0 flow entries')) return false
      // One ended by itself meanwhile.
      if (error.stderr.includes('such conntrack doesn\'t exist')) return true
    }
    throw error
  }
}

/** Addresses that one look tells; the next one tells of more. */
const MOST_ADDRESSES = 1000

/** Addresses inside of these subnets that connections of a namespace are from or to, and that `isHeld` does not know. Throws ExecError. */
export async function strayAddresses(kernel: Kernel, subnets: readonly string[], isHeld: (address: string) => boolean): Promise<string[]> {
  const stray = new Set<string>()
  const seen = new Set<string>()
  const within = subnets.map(parseSubnet)
  await allDone(([4, 6] as const).filter((family) => within.some((subnet) => subnet.family === family)).map((family) => kernel.stream('conntrack', ['-L', '-f', `ipv${family}`], (line) => {
    for (const [, text = ''] of line.matchAll(/\b(?:src|dst)=(\S+)/g)) {
      if (seen.has(text) || stray.size >= MOST_ADDRESSES) continue
      // Addresses of the outside are as many as there are.
      if (seen.size < 100_000) seen.add(text)
      const ip = parseIp(text)
      if (within.some((subnet) => inSubnet(subnet, ip)) && !isHeld(formatIp(ip))) stray.add(formatIp(ip))
    }
  })))
  return [...stray]
}
