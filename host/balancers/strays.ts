import { readdir } from 'node:fs/promises'
import { BalancerNamespace } from './balancer-namespace'
import { balancerNumberOf } from './names'
import type { BalancerParts } from './ports'

type Known = { uid: string; number: number }

/** What is left here of balancers that are not this host's any more. What of it cannot be removed costs no balancer and no start: it is said, and tried again. */
export class Strays {
  /** Whether something was left. */
  remain = false
  private running: Promise<void> | null = null
  constructor(private readonly parts: BalancerParts) {}

  /** Ends what runs of HAProxy and is written down nowhere, and removes all but what these have. Before any balancer is begun. */
  async first(kept: readonly Known[]): Promise<void> {
    const killed = await this.parts.haproxies.endUnwritten().catch((error: unknown) => {
      this.parts.log.error({ err: error }, 'HAProxies that nobody wrote down could not be looked for')
      return 0
    })
    if (killed > 0) this.parts.log.warn({ processes: killed }, 'ended HAProxies that no earlier agent had written down')
    await this.again(() => kept)
  }

  /** Removes all but what these have, as they are when each is removed: balancers come meanwhile. One call at a time. */
  again(kept: () => readonly Known[]): Promise<void> {
    return (this.running ??= this.remove(kept).finally(() => (this.running = null)))
  }

  private async remove(kept: () => readonly Known[]): Promise<void> {
    const { parts } = this
    let isLeft = false
    const failed = (what: object) => (error: unknown) => {
      isLeft = true
      parts.log.error({ ...what, err: error }, 'what is left of a balancer that is not here any more could not be removed: it is tried again')
    }
    const folders = await parts.haproxies.removeBut((uid) => kept().some((one) => one.uid === uid), (balancer, error) => failed({ balancer })(error)).catch((error: unknown) => (failed({})(error), 0))
    let namespaces = 0
    for (const number of (await readdir('/run/netns').catch(() => [])).flatMap((name) => balancerNumberOf(parts.hostTag, name) ?? [])) {
      if (kept().some((one) => one.number === number)) continue
      namespaces += 1
      await new BalancerNamespace(parts.hostTag, number, parts.run).remove().catch(failed({ number }))
    }
    this.remain = isLeft
    if (folders > 0 || namespaces > 0) parts.log.warn({ folders, namespaces }, 'removed what was left of balancers that are not here any more')
  }
}
