import { familyOf } from '@/domain/shared/ip'
import { ExecError } from '@/platform/exec'
import type { NetworkNamespaceKernel } from '../kernel'
import { allDone } from '../serial'

/**
 * Makes a network's namespace forget the connections of addresses that no pod here has any more, from them and to them. What still comes as an answer would else
 * reach the pod that gets the address next, which never asked, past its policies. Throws ExecError.
 */
export async function forgetConnections(kernel: Pick<NetworkNamespaceKernel, 'command'>, addresses: readonly string[]): Promise<void> {
  // Who asked, who was asked, and who was asked by way of a service.
  const looks = addresses.flatMap((address) => ['--orig-src', '--orig-dst', '--reply-src'].map((side) => ['-D', '-f', familyOf(address) === 4 ? 'ipv4' : 'ipv6', side, address]))
  await allDone(looks.map((args) => kernel.command('conntrack', args).catch((error: unknown) => {
    // There was none.
    if (!(error instanceof ExecError) || error.code !== 1) throw error
  })))
}
