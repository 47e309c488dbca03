import type { HostBalancer } from '@/contracts/host/v1/external'
import type { BalancerParts } from '@/host/balancers/ports'

type Outside = BalancerParts['outside']
/** `addresses`: null where it is not known, for what an earlier agent left could not be made right. */
type Held = { uid: string; addresses: ReadonlySet<string> | null }

/**
 * Which addresses of the outside each balancer of this host may answer for in the kernel: those that it was to get are among them before it gets them, also where that failed
 * half-way, and those that it lost until the kernel has let go of them.
 */
export class HeldAddresses {
  /** By the balancers' numbers, which name their links. */
  private readonly held = new Map<number, Held>()
  private onLess: (uid: string) => void = () => {}

  /** @param left what an earlier agent left; `isRight`: the kernel lets through these addresses of it and no others */
  constructor(left: readonly Pick<HostBalancer, 'uid' | 'number' | 'addresses'>[], private readonly isRight: boolean) {
    for (const { uid, number, addresses } of left) this.held.set(number, { uid, addresses: isRight ? new Set(addresses) : null })
  }

  /** Is told of each balancer that holds fewer than before, or of which it became known. */
  listen(onLess: (uid: string) => void): void {
    this.onLess = onLess
  }

  /** Null: not known. */
  of(uid: string): string[] | null {
    const own = [...this.held.values()].filter((one) => one.uid === uid).map(({ addresses }) => addresses)
    return own.includes(null) || (own.length === 0 && !this.isRight) ? null : [...new Set(own.flatMap((addresses) => [...addresses ?? []]))]
  }

  /** The same links, noted here. */
  through({ attach, detach }: Outside): Outside {
    return {
      attach: async (balancer, ...place) => {
        const { uid, number, addresses } = balancer
        const before = this.held.get(number)
        this.held.set(number, { uid, addresses: before?.addresses === null ? null : new Set([...before?.addresses ?? [], ...addresses]) })
        await attach(balancer, ...place)
        this.held.set(number, { uid, addresses: new Set(addresses) })
        if (before && (before.addresses === null || [...before.addresses].some((one) => !addresses.includes(one)))) this.onLess(uid)
      },
      detach: async (balancer, ...place) => {
        await detach(balancer, ...place)
        const before = this.held.get(balancer.number)
        this.held.delete(balancer.number)
        if (before) this.onLess(before.uid)
      },
    }
  }
}
