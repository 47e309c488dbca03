import { tapName } from '../names'
import type { NetworkState } from '../network-state'
import { limitOf } from './shaping'
import type { NftChain, NftSection } from '../table/model'

/** The largest packet that a tap hands on at once, in bytes; a bucket that is smaller would let it through never. */
const LARGEST = 1 << 17

const empty: NftSection = {}

/**
 * What pods may send, at most: each has a bucket that fills with `egress` bits a second, and what is more is dropped where it leaves its
 * tap, before anything is looked up for it. Queues are the sender's: a shaper would need a device more a pod, and a kernel may have none for
 * it. After silence a bucket holds a second of the rate beside the largest packet: the kernel adds its unit of time to what a rule calls the burst, and knows
 * none shorter (Linux, net/netfilter/nft_limit.c, nft_limit_init).
 */
export function bandwidthSection({ ports }: Pick<NetworkState, 'ports'>): NftSection {
  const limited = ports.flatMap(({ uid, bandwidth }) => {
    const egress = limitOf(bandwidth?.egress)
    return egress === null ? [] : [{ tap: tapName(uid), bytes: Math.floor(egress / 8) }]
  })
  if (limited.length === 0) return empty
  const chains = new Map<string, NftChain>(limited.map(({ tap, bytes }) => [`bandwidth_${tap}`, { rules: [`limit rate over ${bytes} bytes/second burst ${LARGEST} bytes drop`] }]))
  // After the sender is known to be the pod itself, before connections.
  chains.set('bandwidth_arrival', { hook: 'type filter hook prerouting priority -290; policy accept;', rules: ['iifname vmap @bandwidth_taps'] })
  return { chains, maps: new Map([['bandwidth_taps', { declaration: 'type ifname : verdict;', elements: new Map(limited.map(({ tap }) => [`"${tap}"`, `goto bandwidth_${tap}`])) }]]) }
}
