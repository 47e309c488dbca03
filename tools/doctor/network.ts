import { createServer } from 'node:net'
import { join } from 'node:path'
import { z } from 'zod'
import { formatCidr, isCidr, overlaps, parseCidr, type Cidr } from '@/domain/shared/cidr'
import { foreignForwardPolicy } from '@/host/network/forward-policy'
import { DEFAULT_TRANSIT_POOL, freeTransitBlock, transitBlocks } from '@/host/network/transit-pool'
import type { Config } from '@/platform/config'
import { run } from '@/platform/exec'
import { lockHolder } from '@/tools/process/file-lock.mjs'
import { messageOf, ok, problem, warning, type Finding } from '@/tools/doctor/finding'

const routes = z.array(z.looseObject({ dst: z.string(), dev: z.string().optional(), type: z.string().optional() }))
export type Route = { cidr: Cidr; device: string }

/** Links of a host agent begin with this; what they carry does not count against ours. */
const OUR_LINKS = 'hyp'

/** The machine's IPv4 subnets, without the default route and without links that a host agent made. */
async function foreignRoutes(): Promise<Route[]> {
  const { stdout } = await run('ip', ['-json', '-4', 'route', 'show', 'table', 'all'])
  return routes.parse(JSON.parse(stdout || '[]')).flatMap(({ dst, dev, type }) => {
    if (dst === 'default' || type === 'broadcast' || (dev ?? '').startsWith(OUR_LINKS)) return []
    const text = dst.includes('/') ? dst : `${dst}/32`
    return isCidr(text) ? [{ cidr: parseCidr(text), device: dev ?? type ?? '' }] : []
  })
}

export function externalFinding(config: Pick<Config, 'externalCidr'>, found: readonly Route[]): Finding {
  const subject = 'floating addresses'
  if (config.externalCidr === 'none') return ok(subject, 'none are wanted at the first start')
  // Whether it can be a pool is said at the start; of IPv6 the machine's routes are not looked at.
  if (!isCidr(config.externalCidr)) return ok(subject, `${config.externalCidr} is not looked for among the IPv4 routes`)
  const external = parseCidr(config.externalCidr)
  const clash = found.find((route) => overlaps(route.cidr, external))
  if (!clash) return ok(subject, `${config.externalCidr} is free`)
  return warning(subject, `${config.externalCidr} meets ${formatCidr(clash.cidr)} on ${clash.device}`, 'What this machine reaches there now, it would not reach once an address of it is taken, or the other way round. Before the first start set HYPERNETES_EXTERNAL_CIDR to a subnet that this machine does not use; after it make another pool in the console (System, Address pools) and delete this one.')
}

export function transitFinding(hostTag: string, found: readonly Route[]): Finding {
  const subject = 'transit addresses'
  try {
    const block = freeTransitBlock(transitBlocks(DEFAULT_TRANSIT_POOL, hostTag), found.map((route) => route.cidr))
    return ok(subject, `${formatCidr(block)} of ${DEFAULT_TRANSIT_POOL} is free`)
  } catch (error) {
    return problem(subject, messageOf(error), `This machine's routes cover all of ${DEFAULT_TRANSIT_POOL}: networks with outbound traffic need a part of it.`)
  }
}

export async function addressFindings(config: Config, hostTag: string): Promise<Finding[]> {
  try {
    const found = await foreignRoutes()
    return [externalFinding(config, found), transitFinding(hostTag, found)]
  } catch (error) {
    return [problem('addresses', messageOf(error), 'The routes of this machine could not be read: install iproute2, and run this as root.')]
  }
}

/** Docker and firewalls drop what is forwarded; an accept of ours does not help against them. */
export async function forwardFindings(hostTag: string): Promise<Finding[]> {
  const subject = 'forwarding'
  try {
    const obstacles = await foreignForwardPolicy({ hostTag })
    if (obstacles.length === 0) return [ok(subject, "nobody else's packet filter is in the way")]
    return obstacles.map(({ where, allow }) => warning(subject, `${where} drops what pods send outside`, `Let it through:\n${allow.map((argv) => `    ${argv.join(' ')}`).join('\n')}`))
  } catch (error) {
    return [problem(subject, messageOf(error), 'The packet filter could not be read: run this as root, with nftables installed.')]
  }
}

export async function portFinding(config: Config): Promise<Finding> {
  const where = `${config.host} port ${config.port}`
  const error = await new Promise<Error | undefined>((resolve) => {
    const server = createServer()
    server.once('error', resolve)
    server.listen(config.port, config.host, () => server.close(() => resolve(undefined)))
  })
  if (!error) return ok('port', `${where} is free`)
  const holder = lockHolder(join(config.data, 'supervisor', 'lock'))
  if (holder) return ok('port', `${where}: Hypernetes runs there (process ${holder})`)
  return problem('port', `${where}: ${error.message}`, 'Another program listens there: stop it, or set PORT.')
}
