import type { NetworkPolicyObject } from '@/contracts/host/v1/networks'
import { withRoutedAddresses } from '@/domain/network/routed-addresses'
import { routedOf, type FloatingBinding } from '../network-state'

/** The policies of a network with its pods' routed addresses of the outside. The same list where there are none. */
export const withRouted = (policies: readonly NetworkPolicyObject[], floating: readonly FloatingBinding[]): readonly NetworkPolicyObject[] => withRoutedAddresses(policies, routedOf(floating))
