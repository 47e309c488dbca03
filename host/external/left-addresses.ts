import { formatIp, inSubnet, parseIp, parseSubnet } from '@/domain/shared/ip'
import type { NetworkNamespaceKernel } from '@/host/network/kernel'
import { forgetConnections } from '@/host/network/policies/forget-connections'

type Kernel = Pick<NetworkNamespaceKernel, 'stream'>

const LINE = /\bsrc=(\S+) dst=\S+ .*?\bsrc=\S+ dst=(\S+)/

/** Addresses that one look finds; the next one finds more. */
const MOST_ADDRESSES = 1000

/**
 * Addresses of the outside that a namespace had and lost, until the host's own table of connections has nothing of them any more: what comes as an answer, to a port of the host's that was translated
 * for them, would else reach whoever gets the address next.
 */
export class LeftAddresses {
  /** The namespace that had each: another object each time that it is lost. */
  private readonly left = new Map<string, { readonly namespace: string }>()

  constructor(private readonly kernel: Kernel) {}

  /** Who had an address that nobody may have yet. */
  holderOf(address: string): string | undefined {
    return this.left.get(address)?.namespace
  }

  /** What a namespace had. */
  of(namespace: string): string[] {
    return [...this.left].filter(([, had]) => had.namespace === namespace).map(([address]) => address)
  }

  /** The namespace has lost these. */
  add(namespace: string, addresses: readonly string[]): void {
    for (const address of addresses) this.left.set(address, { namespace })
  }

  /** The namespace that had these has them again. */
  takeBack(addresses: readonly string[]): void {
    for (const address of addresses) this.left.delete(address)
  }

  /** Ends the connections of all that a namespace lost, or of all there are, and says which are free now. Throws ExecError; then they are not. */
  async end(namespace?: string): Promise<string[]> {
    const ended = [...this.left].filter(([, had]) => namespace === undefined || had.namespace === namespace)
    await forgetConnections(this.kernel, ended.map(([address]) => address))
    // One that was taken back meanwhile is not free, nor one that was lost again since: it had connections in between.
    return ended.flatMap(([address, had]) => (this.left.get(address) === had && this.left.delete(address) ? [address] : []))
  }

  /** Adds what was lost while no agent looked: addresses of these subnets that connections are translated from and nobody holds. Throws ExecError. */
  async find(subnets: readonly string[], isHeld: (address: string) => boolean): Promise<void> {
    const within = subnets.map(parseSubnet).filter(({ family }) => family === 4)
    if (within.length === 0) return
    const found = new Set<string>()
    await this.kernel.stream('conntrack', ['-L', '-f', 'ipv4', '--src-nat'], (line) => {
      const [, from, answered] = LINE.exec(line) ?? []
      if (from === undefined || from === answered || found.size >= MOST_ADDRESSES) return
      const ip = parseIp(from)
      if (within.some((subnet) => inSubnet(subnet, ip)) && !isHeld(formatIp(ip))) found.add(formatIp(ip))
    })
    this.add('', [...found])
  }
}
