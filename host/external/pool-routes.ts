import { z } from 'zod'
import type { NetworkNamespaceKernel } from '@/host/network/kernel'
import { ownerMark } from '@/host/network/transit-hold'
import { whole } from './bridge-device'

/** The last of all: the bridge's own route goes before it, and one that an operator gave the pool. */
const METRIC = 4_294_967_295

/** `ip` prints a single address without its length. */
const subnet = z.string().transform((text) => (text.includes('/') || !/\d/.test(text) ? text : whole(text)))
const listed = z.array(z.object({ dst: subnet, metric: z.number().optional(), metrics: z.array(z.object({ window: z.number().optional() })).optional() }))

/**
 * A route `unreachable` over each pool, in the agent's namespace: what is for an address of a pool that nobody here answers for ends at this host, and does not leave by its default route. Whose
 * each is stands in the route's window, which means nothing where nothing is sent.
 */
export class PoolRoutes {
  constructor(private readonly kernel: NetworkNamespaceKernel, private readonly hostTag: string) {}

  /** Has them over these pools alone. Another installation's serves as well. Says what it changed. Throws ExecError. */
  async bringTo(cidrs: readonly string[]): Promise<string[]> {
    const there = (await Promise.all(['-4', '-6'].map(async (family) => listed.parse(JSON.parse(await this.kernel.command('ip', [family, '-json', 'route', 'show', 'type', 'unreachable']) || '[]'))))).flat().filter(({ metric }) => metric === METRIC)
    const own = there.filter(({ metrics }) => metrics?.some(({ window }) => window === ownerMark(this.hostTag)))
    const gone = own.filter(({ dst }) => !cidrs.includes(dst)).map(({ dst }) => dst)
    const missing = cidrs.filter((cidr) => !there.some(({ dst }) => dst === cidr))
    await this.kernel.ipBatchForced(gone.map((cidr) => `route delete unreachable ${cidr} metric ${METRIC}`))
    await this.kernel.ipBatch(missing.map((cidr) => `route replace unreachable ${cidr} metric ${METRIC} window ${ownerMark(this.hostTag)}`))
    return [...gone.map((cidr) => `route unreachable ${cidr} removed`), ...missing.map((cidr) => `route unreachable ${cidr} made`)]
  }
}
