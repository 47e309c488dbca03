import type { BalancerServer } from '@/domain/load-balancer/model'
import type { BalancerNamespace } from './balancer-namespace'
import { placeOfName, serverName } from './haproxy/servers'
import type { Haproxy } from './ports'

/**
 * HAProxy begins no connection to who left any more; those that it had begun and nobody took are led to others at once. It is asked first with whom it has connections at all: mostly with none of
 * them, and then this costs no command. Throws ExecError.
 */
export async function endAttempts(left: readonly BalancerServer[], haproxy: Pick<Haproxy, 'servers'>, namespace: Pick<BalancerNamespace, 'endAttempts'>): Promise<void> {
  if (left.length === 0) return
  const connected = await haproxy.servers().then((all) => new Set(all.flatMap(({ server, connections }) => (connections > 0 ? [server] : []))), () => null)
  await namespace.endAttempts(left.filter((server) => connected?.has(placeOfName(serverName(server)) ?? '') ?? true))
}
