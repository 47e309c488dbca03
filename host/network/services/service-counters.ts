import { z } from 'zod'
import type { Family } from '@/domain/shared/ip'
import type { NetworkNamespaceKernel } from '../kernel'
import { NETWORK_TABLE } from '../table/model'
import { servedAddresses } from './service-elements'
import type { ServiceState } from './service-section'

/** What passed through a service since its network's packet filter was loaded as a whole: bytes to its endpoints and from them, and connections begun. They go on from 0 when it is loaded anew. */
export type ServiceCounters = { receivedBytes: number; sentBytes: number; connections: number }

const element = z.object({ elem: z.object({ val: z.union([z.string(), z.object({ concat: z.tuple([z.string(), z.string()]) })]), counter: z.object({ packets: z.number(), bytes: z.number() }) }) })
const listed = z.object({ nftables: z.array(z.object({ set: z.object({ elem: z.array(element).optional() }).optional() })) })

/**
 * Reads the counters of a network's services, by uid; two short processes a family, for nft 1.0.6 lists one set a process. Throws ExecError
 * where the namespace is gone.
 */
export async function readServiceCounters(kernel: Pick<NetworkNamespaceKernel, 'listRules'>, state: ServiceState): Promise<Map<string, ServiceCounters>> {
  const served = [...servedAddresses(state)]
  const families = new Set(served.map(([, { ip }]) => ip.family))
  const counted = new Map<string, { packets: number; bytes: number }>()
  for (const family of families) for (const [key, counter] of await readFamily(kernel, family)) counted.set(key, counter)
  const counters = new Map<string, ServiceCounters>()
  for (const [uid, { address }] of served) {
    const sum = counters.get(uid) ?? { receivedBytes: 0, sentBytes: 0, connections: 0 }
    sum.receivedBytes += counted.get(`${address} original`)?.bytes ?? 0
    sum.sentBytes += counted.get(`${address} reply`)?.bytes ?? 0
    sum.connections += counted.get(address)?.packets ?? 0
    counters.set(uid, sum)
  }
  return counters
}

async function readFamily(kernel: Pick<NetworkNamespaceKernel, 'listRules'>, family: Family): Promise<[key: string, counter: { packets: number; bytes: number }][]> {
  const sets = await Promise.all([`service_traffic${family}`, `service_new${family}`].map((set) => kernel.listRules('set', ...NETWORK_TABLE.split(' '), set)))
  return sets.flatMap((set) => listed.parse(set).nftables).flatMap(({ set }) => set?.elem ?? []).map(({ elem: { val, counter } }) => [typeof val === 'string' ? val : val.concat.join(' '), counter])
}
