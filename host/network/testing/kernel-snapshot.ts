import { run } from '@/platform/exec'
import { NetworkNamespaceKernel } from '../kernel'

/** What nftables of a namespace has, a line each, without the order in which it came and the numbers it was given; or one table of it. */
export async function ruleset(name: string, ...table: string[]): Promise<string[]> {
  const { nftables } = await new NetworkNamespaceKernel(name, run).listRules(...(table.length > 0 ? ['table', ...table] : ['ruleset'])) as { nftables: Record<string, Record<string, unknown>>[] }
  const rules = new Map<string, number>()
  return nftables.flatMap((one) => {
    const [kind = '', { handle: _, ...value } = {}] = Object.entries(one)[0] ?? []
    if (kind === 'metainfo') return []
    if (Array.isArray(value.elem)) value.elem = value.elem.map((element) => JSON.stringify(element)).sort()
    const chain = `${String(value.table)} ${String(value.chain)}`
    if (kind === 'rule') rules.set(chain, (rules.get(chain) ?? 0) + 1)
    return [`${kind} ${kind === 'rule' ? rules.get(chain) : ''} ${JSON.stringify(value)}`]
  }).sort()
}

/** What comes and goes with what is plugged in, a moment later. */
const CARRIER = ['NO-CARRIER', 'LOWER_UP']

/** All that a network's namespace is made of, a line each: rules, links with their addresses, routes, neighbours and kernel settings. */
export async function wholeNamespace(name: string): Promise<string[]> {
  const kernel = new NetworkNamespaceKernel(name, run)
  const [rules, { links, routes, neighbours }, settings] = await Promise.all([ruleset(name), kernel.observe(), kernel.command('sysctl', ['net.ipv4.conf', 'net.ipv6.conf', 'net.ipv4.ip_forward'])])
  return [...rules, ...[...links.map((link) => ({ ...link, flags: link.flags.filter((flag) => !CARRIER.includes(flag)) })), ...routes, ...neighbours].map((one) => JSON.stringify(one)), ...settings.split('\n').filter((line) => !/\.stable_secret|mc_forwarding/.test(line))].sort()
}
