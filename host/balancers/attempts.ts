import type { BalancerServer } from '@/domain/load-balancer/model'
import type { BalancerNamespace } from './balancer-namespace'
import { placeOfName, serverName } from './haproxy/servers'
import type { Haproxy } from './ports'

/**
 * HAProxy begins no connection to who left any more; those that it had begun and nobody took are led to others at once. It is asked first with whom it has none at all: mostly that are all
 * of them, and then this costs no command. Whom it does not name an earlier process of it may be connected to. Throws ExecError.
 */
export async function endAttempts(left: readonly BalancerServer[], haproxy: Pick<Haproxy, 'servers'>, namespace: Pick<BalancerNamespace, 'endAttempts'>): Promise<void> {
  if (left.length === 0) return
  const idle = await haproxy.servers().then((all) => new Set(all.flatMap(({ server, connections }) => (connections === 0 ? [server] : []))), () => new Set<string>())
  await namespace.endAttempts(left.filter((server) => !idle.has(placeOfName(serverName(server)) ?? '')))
}
