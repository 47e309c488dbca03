import { createHash } from 'node:crypto'
import { transitPool } from '@/domain/address-pool/overlap'
import { addressCount, contains, formatCidr, formatIpv4, overlaps, parseCidr, parseIpv4, type Cidr } from '@/domain/shared/cidr'

/** Where transit addresses come from unless a setting says otherwise: the shared address space of RFC 6598, which ordinary networks do not use. */
export const DEFAULT_TRANSIT_POOL = transitPool

// 4096 networks a host; 1024 installations on one machine before two must look for a free block.
const BLOCK_PREFIX = 20

/**
 * The blocks of the pool in the order in which the installation with this tag tries them: the first by a hash
 * of the tag, so that installations on one machine rarely try the same, then around.
 */
export function transitBlocks(pool: string, hostTag: string): Cidr[] {
  const whole = parseCidr(pool)
  if (whole.prefixLength >= BLOCK_PREFIX) return [whole]
  const count = 2 ** (BLOCK_PREFIX - whole.prefixLength)
  const start = createHash('sha256').update(hostTag).digest().readUInt32BE(0) % count
  return Array.from({ length: count }, (_, index) => ({
    network: whole.network + ((start + index) % count) * 2 ** (32 - BLOCK_PREFIX),
    prefixLength: BLOCK_PREFIX,
  }))
}

/** The first block that meets none of the subnets in use. Throws when none is left. */
export function freeTransitBlock(blocks: readonly Cidr[], inUse: readonly Cidr[]): Cidr {
  const free = blocks.find((block) => !inUse.some((other) => overlaps(block, other)))
  if (!free) throw new Error(`no transit addresses: each of ${blocks.length} blocks from ${blocks.map(formatCidr)[0] ?? 'nothing'} on is in use on this host`)
  return free
}

/**
 * The transit address of a network: the one it has if that lies in the block and nobody else holds it, else the
 * block's address at the network's number, else the next free one. Throws when the block is full.
 */
export function transitAddress(block: Cidr, number: number, has: string | null, taken: ReadonlySet<string>): string {
  if (has !== null && contains(block, parseIpv4(has)) && !taken.has(has)) return has
  const count = addressCount(block)
  for (let index = 0; index < count; index++) {
    const address = formatIpv4(block.network + ((number + index) % count))
    if (!taken.has(address)) return address
  }
  throw new Error(`no transit address for network ${number}: all ${count} of ${formatCidr(block)} are taken`)
}
