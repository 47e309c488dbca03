import type { HostBalancer } from '@/contracts/host/v1/external'
import { OUTER_LINK } from './names'
import type { BalancerParts } from './ports'

/** What a balancer's link to the outside was made of. */
export type OuterLink = Pick<HostBalancer, 'addresses' | 'until'> & { most: number }

export const outerLinkOf = ({ addresses, until, options }: HostBalancer): OuterLink => ({ addresses, until, most: options.maxConnections })

/** What a balancer lost of its addresses is others' to have, also where nothing else of it can be changed. Returns what the link is of then; null: it is gone, for none is left. */
export async function letGoLost(link: OuterLink | null, balancer: HostBalancer, outside: BalancerParts['outside'], namespace: string): Promise<OuterLink | null> {
  const kept = { ...balancer, addresses: balancer.addresses.filter((one) => link?.addresses.includes(one)) }
  if (!link || link.addresses.every((one) => kept.addresses.includes(one))) return link
  await (kept.addresses.length > 0 ? outside.attach(kept, namespace, OUTER_LINK) : outside.detach(kept, namespace, OUTER_LINK))
  return kept.addresses.length > 0 ? outerLinkOf(kept) : null
}
