import { z } from 'zod'
import { bridgeName } from '@/host/external/names'
import { run as runCommand } from '@/platform/exec'
import { NetworkNamespaceKernel, type Run } from './kernel'
import { checkHostTag, uplinkPrefix } from './names'
import { storageLinkName } from './storage-namespace'

/** A packet filter of another program that drops what networks with outbound traffic, or VMs with volumes in a store on the network, send through this host. */
export type ForwardObstacle = {
  /** Where, for people: `chain FORWARD of table ip filter`. */
  where: string
  /** Commands (argv) that let our links through. They last until that program loads its rules anew. */
  allow: string[][]
}

const chains = z.object({ nftables: z.array(z.object({
  chain: z.object({ family: z.string(), table: z.string(), name: z.string(), hook: z.string().optional(), type: z.string().optional(), policy: z.string().optional() }).optional(),
})) })

const rules = z.object({ nftables: z.array(z.object({ rule: z.object({ expr: z.array(z.record(z.string(), z.unknown())) }).optional() })) })

/**
 * Finds chains of others in the forward hook that drop by default and do not let our links through; empty where
 * none is in the way. An accept in our own table does not help against them: every table must agree. Docker
 * makes such a chain; DOCKER-USER is then the place it keeps for others. Chains that end in a rule which rejects
 * everything are not recognised. Changes nothing. Throws ExecError where nftables does not work.
 */
export async function foreignForwardPolicy(options: { hostTag: string; uplinkNetns?: string; run?: Run }): Promise<ForwardObstacle[]> {
  checkHostTag(options.hostTag)
  const kernel = new NetworkNamespaceKernel(options.uplinkNetns ?? null, options.run ?? runCommand)
  const all = chains.parse(await kernel.listRules('chains')).nftables.flatMap(({ chain }) => chain ?? [])
  const dropping = all.filter((chain) => chain.hook === 'forward' && chain.type === 'filter' && chain.policy === 'drop' && ['ip', 'inet'].includes(chain.family))
  const obstacles: ForwardObstacle[] = []
  for (const { family, table, name } of dropping) {
    const listed = rules.parse(await kernel.listRules('table', family, table)).nftables.flatMap(({ rule }) => rule ?? [])
    if (letsThrough(listed, options.hostTag)) continue
    const docker = all.some((chain) => chain.family === family && chain.table === table && chain.name === 'DOCKER-USER')
    obstacles.push({
      where: `chain ${name} of table ${family} ${table}`,
      allow: family === 'ip' && table === 'filter' ? throughIptables(options.hostTag, docker ? 'DOCKER-USER' : name) : throughNft(options.hostTag, family, table, name),
    })
  }
  return [...obstacles, ...await legacyObstacle(kernel, options.hostTag)]
}

function letsThrough(listed: readonly { expr: readonly Record<string, unknown>[] }[], hostTag: string): boolean {
  const accepts = (direction: string, link: string) => listed.some(({ expr }) => {
    const text = JSON.stringify(expr)
    return text.includes(`"${direction}"`) && text.includes(`"${link}"`) && expr.some((part) => 'accept' in part)
  })
  return [`${uplinkPrefix(hostTag)}*`, bridgeName(hostTag), storageLinkName(hostTag)].every((link) => accepts('iifname', link) && accepts('oifname', link))
}

/** The older iptables keeps its rules apart from nftables. Asked only where it is in use, since asking would load it. */
async function legacyObstacle(kernel: NetworkNamespaceKernel, hostTag: string): Promise<ForwardObstacle[]> {
  const tables = await kernel.command('cat', ['/proc/net/ip_tables_names']).catch(() => '')
  if (!tables.split('\n').includes('filter')) return []
  const forward = await kernel.command('iptables-legacy', ['-S']).catch(() => '')
  const lines = forward.split('\n')
  const ours = `${uplinkPrefix(hostTag)}+`
  const allowed = ['-i', '-o'].every((direction) => [ours, bridgeName(hostTag), storageLinkName(hostTag)].every((link) => lines.some((line) => line.includes(`${direction} ${link} `) && line.endsWith('-j ACCEPT'))))
  if (allowed || !lines.includes('-P FORWARD DROP')) return []
  const commands = throughIptables(hostTag, lines.includes('-N DOCKER-USER') ? 'DOCKER-USER' : 'FORWARD')
  return [{ where: 'chain FORWARD of iptables-legacy', allow: commands.map(([, ...rest]) => ['iptables-legacy', ...rest]) }]
}

function throughIptables(hostTag: string, chain: string): string[][] {
  return [
    ...[`${uplinkPrefix(hostTag)}+`, storageLinkName(hostTag)].flatMap((ours) => [
      ['iptables', '-I', chain, '-i', ours, '-j', 'ACCEPT'],
      ['iptables', '-I', chain, '-o', ours, '-m', 'conntrack', '--ctstate', 'RELATED,ESTABLISHED', '-j', 'ACCEPT'],
    ]),
    // What may pass there is said by our own table (host/external/bridge-rules.ts).
    ...['-i', '-o'].map((direction) => ['iptables', '-I', chain, direction, bridgeName(hostTag), '-j', 'ACCEPT']),
  ]
}

function throughNft(hostTag: string, family: string, table: string, chain: string): string[][] {
  return [
    ...[`"${uplinkPrefix(hostTag)}*"`, `"${storageLinkName(hostTag)}"`].flatMap((ours) => [
      ['nft', 'insert', 'rule', family, table, chain, 'iifname', ours, 'accept'],
      ['nft', 'insert', 'rule', family, table, chain, 'oifname', ours, 'ct', 'state', 'established,related', 'accept'],
    ]),
    ...['iifname', 'oifname'].map((direction) => ['nft', 'insert', 'rule', family, table, chain, direction, `"${bridgeName(hostTag)}"`, 'accept']),
  ]
}
