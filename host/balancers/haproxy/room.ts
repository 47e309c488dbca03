import { readFile } from 'node:fs/promises'
import { haproxyLimits } from './jail'

/** Files of a HAProxy that are no connection's: listeners, attempts to connect to servers, its own sockets. */
const ownFiles = 2_000
const raisesLimits = 1n << 24n
/** Memory of a HAProxy, in bytes: what it has without a connection, with its certificates and tables; and of a connection at most, both of whose buffers are full, as of one that sends slowly to a slow pod. */
const [ownMemory, connectionMemory] = [96 << 20, 2 * 16_384 + 8_192]

/**
 * How many connections a balancer may have on this machine at most. Each has two open files, of which this agent can hand on so many (source: proc_pid_limits(5), capabilities(7), CAP_SYS_RESOURCE), and
 * memory: with more than fit into the balancer's bound, those who send slowly could have the kernel end it, and all connections with it.
 */
export async function roomForConnections(): Promise<number> {
  const [limits, status] = await Promise.all([readFile('/proc/self/limits', 'utf8'), readFile('/proc/self/status', 'utf8')])
  return connectionsOf(limits, status)
}

export function connectionsOf(limits: string, status: string): number {
  const hard = Number(/^Max open files\s+\S+\s+(\d+)/m.exec(limits)?.[1] ?? Infinity)
  const capabilities = BigInt(`0x${/^CapEff:\s+([0-9a-f]+)/m.exec(status)?.[1] ?? '0'}`)
  const files = (capabilities & raisesLimits) !== 0n ? Math.max(hard, haproxyLimits.openFiles) : hard
  return Math.max(1, Math.floor(Math.min((files - ownFiles) / 2, (haproxyLimits.memoryBytes - ownMemory) / connectionMemory)))
}
