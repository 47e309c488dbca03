import type { NetworkNamespaceKernel, Run } from '@/host/network/kernel'
import type { Logger } from '@/platform/logger'
import { forgetNeighbour } from './bridge-device'
import { makeLink, rightLinks, settleInside } from './bridge-links'
import type { KnownPools } from './known-pools'
import type { KnownPorts } from './known-ports'
import { portPrefix } from './names'
import type { PoolBridge } from './pool-bridge'

type Options = { hostTag: string; kernel: NetworkNamespaceKernel; run: Run; log: Pick<Logger, 'warn'> }

/** The links into the bridge of the outside as the kernel has them, brought to those that are known. Its caller runs one method at a time. */
export class LinkRepair {
  /** Whether every link was made by the last {@link bringRight}. */
  isComplete = true

  /** `openBridge`: makes the bridge itself right. */
  constructor(private readonly options: Options, private readonly device: PoolBridge, private readonly ports: KnownPorts, private readonly pools: KnownPools, private readonly openBridge: () => Promise<void>) {}

  /** Removes those of `there`, the names of all links, that are nobody's. Says what it removed. Throws ExecError. */
  async removeSurplus(there: readonly string[]): Promise<string[]> {
    const { kernel, hostTag } = this.options
    const surplus = there.filter((name) => name.startsWith(portPrefix(hostTag)) && !this.ports.byName.has(name))
    await kernel.ipBatchForced(surplus.map((name) => `link delete ${name}`))
    return surplus.map((name) => `link ${name} removed`)
  }

  /** Makes the bridge, what is missing of its links and what is wrong of them, and removes neighbours that are nobody's. Says what it changed. Throws ExecError. */
  async bringRight(): Promise<string[]> {
    const { kernel, hostTag, run, log } = this.options
    const found = await kernel.observe()
    const wasRight = this.device.isRight(found.links)
    if (!wasRight) await this.openBridge()
    const repairs = wasRight ? [] : [`bridge ${this.device.name} made right`]
    const isRight = await rightLinks(kernel, this.device.name, found)
    this.isComplete = true
    for (const [name, port] of this.ports.byName) {
      if (wasRight && isRight(name, port)) continue
      try {
        await makeLink(kernel, this.device.name, name, port, [])
        // What is inside of a network's namespace is put right there.
        if (name.startsWith(`${portPrefix(hostTag)}b`)) await settleInside(port, this.device.mac, run)
        repairs.push(`link ${name} made`)
      } catch (error) {
        this.isComplete = false
        log.warn({ err: error, namespace: port.namespace }, 'a link into the bridge of the outside was not made; the next look tries again')
      }
    }
    const wanted = this.ports.addresses()
    const stray = found.neighbours.filter(({ dst, dev }) => dev === this.device.name && !wanted.has(dst) && this.pools.poolOf(dst))
    await kernel.ipBatchForced(stray.map(({ dst }) => forgetNeighbour(dst, this.device.name)))
    return [...repairs, ...stray.map(({ dst }) => `neighbour ${dst} of the bridge removed`)]
  }
}
