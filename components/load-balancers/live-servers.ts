import type { BalancerDetail, BalancerServerNow } from '@/domain/load-balancer/view'
import { addressText } from './balancer-words'

type Backend = BalancerDetail['backends'][number]
type Server = Backend['servers'][number]
/** `now`: as its balancer has it at this moment, or null where that is not known: of UDP, and of a pod that the balancer does not have. `note`: why it is not up. */
export type LiveServer = Server & { key: string; now: BalancerServerNow | null; note: string | null }

/** More rows nobody reads, and they would make the page slow. */
export const mostShown = 200

/** Who is behind a backend, with what its balancer says of each. What the balancer says goes before what was stored; where there are too many, those that are not up come first. */
export function liveServers({ name, servers }: Pick<Backend, 'name' | 'servers'>, live: readonly BalancerServerNow[] | null): LiveServer[] {
  const known = new Map((live ?? []).filter(({ backend }) => backend === name).map((one) => [addressText(one.address, one.port), one]))
  const all = servers.map((server): LiveServer => {
    const key = addressText(server.address, server.port)
    const now = known.get(key) ?? null
    // Who is not ready yet is not told to the balancer.
    const note = now ? now.problem : live !== null && known.size > 0 && server.health === 'down' ? 'its pod is not ready' : null
    return { ...server, key, now, note, health: now?.health ?? server.health }
  })
  return all.length <= mostShown ? all : [...all.filter(({ health }) => health !== 'up'), ...all.filter(({ health }) => health === 'up')].slice(0, mostShown)
}
