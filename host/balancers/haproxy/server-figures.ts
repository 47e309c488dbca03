import type { BalancerServerState } from '@/contracts/host/v1/figures'
import { placeOfName, backendOf } from './servers'
import { tableOf } from './runtime'

/** Of every backend (-1) the servers (type 4), by every id (-1). */
export const serverFiguresQuestion = 'show stat -1 4 -1'
/** More than these nobody reads. */
export const mostServers = 5_000
const most = 2 ** 44
const longestSeconds = 2 ** 31

/** Why a server is down, in words for who owns the pods. Source: HAProxy's management guide 9.1, check_status. */
const causes: Readonly<Record<string, string>> = {
  L4TOUT: 'does not answer',
  L4CON: 'refuses connections',
  SOCKERR: 'could not be tried',
  HANA: 'connections to it failed',
}

/** Each server as HAProxy has it now; counters are since its process began. Only of backends that are known: what a HAProxy says that was broken into goes no further than its own balancer's. */
export function serverStates(answer: string, backends: ReadonlySet<string>): BalancerServerState[] {
  return tableOf(answer, ',').flatMap((row) => {
    const backend = backendOf(row.get('pxname') ?? '')
    const server = placeOfName(row.get('svname') ?? '')
    if (backend === null || server === null || !backends.has(backend)) return []
    const number = (...names: string[]) => Math.min(most, names.reduce((sum, name) => sum + Math.max(0, Math.trunc(Number(row.get(name) ?? 0)) || 0), 0))
    const status = row.get('status') ?? ''
    const isDown = status.startsWith('DOWN')
    const health = isDown ? ('down' as const) : status.startsWith('MAINT') || status.startsWith('DRAIN') || number('weight') === 0 ? ('draining' as const) : ('up' as const)
    const isHttp = row.get('mode') === 'http'
    return [{
      ...{ backend, server, health, problem: isDown ? (causes[(row.get('check_status') ?? '').replace('* ', '')] ?? 'its check failed') : null, forSeconds: Math.min(longestSeconds, number('lastchg')) },
      ...{ connections: number('scur'), total: isHttp ? number('req_tot') : number('stot'), failed: number('econ', 'eresp'), errors5xx: isHttp ? number('hrsp_5xx') : 0, receivedBytes: number('bin'), sentBytes: number('bout') },
      milliseconds: isHttp && number('req_tot') > 0 ? number('rtime') : null,
    }]
  }).slice(0, mostServers)
}
