import type { IncomingMessage } from 'node:http'
import { isIP, type BlockList } from 'node:net'

/**
 * Where a request comes from: the peer's address, or, where that is a trusted proxy's, the last address of X-Forwarded-For
 * that is none. Each proxy adds the address that it saw at the end, so a client chooses nothing that is read here.
 */
export function addressOfClient({ headers, socket }: Pick<IncomingMessage, 'headers' | 'socket'>, trusted: BlockList): string {
  const hops = [headers['x-forwarded-for'] ?? ''].flat().join(',').split(',').map((hop) => hop.trim())
  let address = socket.remoteAddress ?? ''
  while (isTrusted(address, trusted)) {
    const hop = hops.pop() ?? ''
    if (isIP(hop) === 0) break
    address = hop
  }
  return address
}

function isTrusted(address: string, trusted: BlockList): boolean {
  const version = isIP(address)
  return version !== 0 && trusted.check(address, version === 4 ? 'ipv4' : 'ipv6')
}

/** The address as the web process wrote it into `x-forwarded-for`, by {@link addressOfClient}, for who sees headers alone. */
export function clientAddress(headers: Record<string, unknown> | undefined): string {
  const header = headers?.['x-forwarded-for']
  return typeof header === 'string' ? (header.split(',').at(-1)?.trim().slice(0, 64) ?? '') : ''
}
