import type { SetRoutedAddressesParams, SetupParams } from '@/contracts/guest/v1/requests'
import { GuestError } from '@/guest/errors'
import { runScript } from '@/guest/processes'

/**
 * Arguments: the address that connections to the outside leave from, and their gateway; the pod's address in its network and the gateway there; then words with what each is
 * about. What comes is there before the ways that use it, what goes after: an address that others took away already is gone all the same.
 */
const script = `
source=$1 gateway=$2 address=$3 inner=$4
shift 4
(cd /proc/sys/net/ipv6/conf/eth0 && echo 0 >accept_ra && echo 0 >autoconf && echo 0 >accept_dad && echo 0 >accept_redirects && echo 1 >addr_gen_mode) && ip -6 addr flush dev eth0 scope link || exit 1
for word; do case $word in +*/128) ip addr replace "\${word#+}" dev eth0 || exit 1 ;; esac; done
for word; do case $word in in+*) ip -6 route replace "\${word#in+}" via "$inner" dev eth0 src "$address" || exit 1 ;; esac; done
if [ -n "$source" ]; then ip -6 route replace default via "$gateway" dev eth0 src "$source" || exit 1
elif [ -n "$inner" ]; then ip -6 route replace default via "$inner" dev eth0 || exit 1
else ip -6 route del default dev eth0 2>/dev/null; fi
for word; do case $word in in-*) ip -6 route del "\${word#in-}" dev eth0 2>/dev/null ;; -*/128) ip addr del "\${word#-}" dev eth0 2>/dev/null ;; esac; done
exit 0
`

/** Addresses that are routed to this pod beside those of its network. */
export class RoutedAddresses {
  private addresses: readonly string[] = []
  private subnets: readonly string[] = []
  private carriedOut = ''

  /** These and no others, from now on. Throws NetworkFailed with what the kernel says; then some of it may be there, and is taken away with the next call. */
  async set(network: SetupParams['network'], params: SetRoutedAddressesParams): Promise<void> {
    if (!network) throw new GuestError('Conflict', 'this VM has not been set up with a network', 'eth0')
    const { addresses, gateway } = params
    const said = JSON.stringify(params)
    if (said === this.carriedOut || (addresses.length === 0 && this.addresses.length === 0)) return
    const [source = ''] = addresses
    const subnets = source === '' || !network.ipv6 ? [] : params.inside
    const gone = { addresses: this.addresses.filter((one) => !addresses.includes(one)), subnets: this.subnets.filter((one) => !subnets.includes(one)) }
    this.carriedOut = ''
    this.addresses = [...addresses, ...gone.addresses]
    this.subnets = [...subnets, ...gone.subnets]
    const { exitCode, output } = await runScript(script, [
      source, gateway, network.ipv6?.address ?? '', network.ipv6?.gateway ?? '',
      ...addresses.map((one) => `+${one}/128`), ...subnets.map((one) => `in+${one}`),
      ...gone.subnets.map((one) => `in-${one}`), ...gone.addresses.map((one) => `-${one}/128`),
    ])
    if (exitCode !== 0) throw new GuestError('NetworkFailed', output, 'eth0')
    this.addresses = addresses
    this.subnets = subnets
    this.carriedOut = said
  }
}
