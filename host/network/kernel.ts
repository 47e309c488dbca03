import { readFile } from 'node:fs/promises'
import { z } from 'zod'
import type { run } from '@/platform/exec'
import { makeNamespace, type FirstTap } from './new-namespace'

/** How commands are run; `run` of platform/exec, or one that fails on purpose in a test. */
export type Run = typeof run

const link = z.object({
  ifname: z.string(),
  mtu: z.number(),
  address: z.string().optional(),
  flags: z.array(z.string()),
  master: z.string().optional(),
  linkinfo: z.object({
    info_kind: z.string().optional(),
    info_data: z.object({ type: z.string().optional(), user: z.union([z.number(), z.string()]).optional(), vnet_hdr: z.boolean().optional() }).optional(),
  }).optional(),
  addr_info: z.array(z.object({ family: z.string(), local: z.string().optional(), prefixlen: z.number(), scope: z.string().optional() })),
})

/** A link with its addresses as `ip -details -json address` prints it, as far as we look at it. */
export type Link = z.infer<typeof link>

// `ip` prints an empty object for what a filter leaves out.
const links = z.array(z.union([link, z.object({}).strict()])).transform((all) => all.filter((one): one is Link => 'ifname' in one))

const route = z.object({
  type: z.string().optional(),
  dst: z.string(),
  dev: z.string().optional(),
  gateway: z.string().optional(),
  table: z.string().optional(),
  protocol: z.string().optional(),
  metric: z.number().optional(),
  metrics: z.array(z.object({ window: z.number().optional() })).optional(),
})

/** A route as `ip -json route` prints it. */
export type Route = z.infer<typeof route>

const neighbour = z.object({ dst: z.string(), dev: z.string(), lladdr: z.string().optional() })
/** An entry of a neighbour table that nobody learned; `lladdr` is none where the namespace answers for it in another's place. */
export type Neighbour = z.infer<typeof neighbour>

const rule = z.object({ priority: z.number(), src: z.string(), srclen: z.number().optional(), table: z.string(), suppress_prefixlen: z.number().optional() })
/** A rule that says which table of routes is looked at. */
export type RoutingRule = z.infer<typeof rule>

/** The table of routes, beside the main one, that a namespace of a network may have. */
export const EXTERNAL_ROUTES = '100'
/** Rules that every namespace begins with. */
const USUAL_RULES = [0, 32766, 32767]

/**
 * What `ip` knows of a namespace: its links with their addresses, the routes of the main table and of {@link EXTERNAL_ROUTES}, the permanent neighbours and those that it answers for in their place, of both
 * families, and the rules of IPv4 that say where to look.
 */
export type Observed = { links: Link[]; routes: Route[]; neighbours: Neighbour[]; proxies: Neighbour[]; rules: RoutingRule[] }

/**
 * The kernel's network in one network namespace: `name` is one below /run/netns, null the namespace that this
 * process runs in. Every method is one short process and throws its ExecError.
 */
export class NetworkNamespaceKernel {
  constructor(readonly name: string | null, private readonly run: Run) {}

  /** Makes this namespace, as {@link makeNamespace} does. */
  async makeNamespace(settings: Readonly<Record<string, string | number>>, tap: FirstTap | null): Promise<void> {
    if (this.name === null) throw new Error('the namespace of this process is there already')
    await makeNamespace(this.run, this.name, settings, tap)
  }

  /** Runs `ip` commands in order, in one process; the first that fails ends it. */
  async ipBatch(lines: readonly string[]): Promise<void> {
    if (lines.length === 0) return
    await this.run('ip', [...this.ipScope(), '-batch', '-'], { input: `${lines.join('\n')}\n` })
  }

  /** Runs `ip` commands in order, in one process, past those that fail: for removing what may be gone. */
  async ipBatchForced(lines: readonly string[]): Promise<void> {
    if (lines.length === 0) return
    await this.run('ip', [...this.ipScope(), '-force', '-batch', '-'], { input: `${lines.join('\n')}\n` }).catch(() => undefined)
  }

  /** Runs `tc` commands in order, in one process; the first that fails ends it. */
  async tcBatch(lines: readonly string[]): Promise<void> {
    if (lines.length === 0) return
    await this.run('tc', [...this.ipScope(), '-batch', '-'], { input: `${lines.join('\n')}\n` })
  }

  /** Runs commands of `bridge` in order, in one process; the first that fails ends it. */
  async bridgeBatch(lines: readonly string[]): Promise<void> {
    if (lines.length === 0) return
    await this.run('bridge', [...this.ipScope(), '-batch', '-'], { input: `${lines.join('\n')}\n` })
  }

  /** Loads nftables rules as one transaction: all of them or, on an error, none. */
  async loadRules(rules: string): Promise<void> {
    await this.enter('nft', ['-f', '-'], { input: rules })
  }

  /** What `nft -j list` prints, unparsed. */
  async listRules(...what: string[]): Promise<unknown> {
    return JSON.parse((await this.enter('nft', ['-j', 'list', ...what])).stdout)
  }

  /** Sets kernel settings below /proc/sys/net. */
  async set(settings: Readonly<Record<string, string | number>>): Promise<void> {
    await this.enter('sysctl', ['-q', '-w', ...Object.entries(settings).map(([name, value]) => `${name}=${value}`)])
  }

  /** Reads one kernel setting; of the namespace that this process is in it takes no process, and throws the file system's error. */
  async get(setting: string): Promise<string> {
    if (this.name === null) return (await readFile(`/proc/sys/${setting.replaceAll('.', '/')}`, 'utf8')).trim()
    return (await this.enter('sysctl', ['-n', setting])).stdout.trim()
  }

  /** Runs a command there and returns what it prints. */
  async command(command: string, args: readonly string[]): Promise<string> {
    return (await this.enter(command, args)).stdout
  }

  /** As {@link command}, for one that prints without bound: each line is handed on as it comes. Without `onLine` nobody reads it. */
  async stream(command: string, args: readonly string[], onLine: (line: string) => void = () => {}): Promise<void> {
    let rest = ''
    await this.enter(command, args, { onStdout: (chunk) => {
      const lines = (rest + chunk.toString('latin1')).split('\n')
      rest = lines.pop() ?? ''
      lines.forEach(onLine)
    } })
    if (rest !== '') onLine(rest)
  }

  /** All links with their addresses. */
  async links(): Promise<Link[]> {
    const { stdout } = await this.run('ip', [...this.ipScope(), '-details', '-json', 'address', 'show'])
    return links.parse(JSON.parse(stdout))
  }

  /** All IPv4 routes of the main table. */
  async routes(): Promise<Route[]> {
    const { stdout } = await this.run('ip', [...this.ipScope(), '-json', 'route', 'show'])
    return z.array(route).parse(JSON.parse(stdout || '[]'))
  }

  /** What {@link links} and {@link routes} give, in one process. */
  async linksAndRoutes(): Promise<{ links: Link[]; routes: Route[] }> {
    const { stdout } = await this.run('ip', [...this.ipScope(), '-details', '-json', '-batch', '-'], { input: 'address show\nroute show\n' })
    const [addresses = '[]', routes = '[]'] = stdout.split('\n').map((line) => line.trim() || '[]')
    return { links: links.parse(JSON.parse(addresses)), routes: z.array(route).parse(JSON.parse(routes)) }
  }

  /** Links, routes and permanent neighbours, in one process. */
  async observe(): Promise<Observed> {
    const { stdout } = await this.run('ip', [...this.ipScope(), '-details', '-json', '-batch', '-'], { input: 'address show\nroute show table all\nneigh show nud permanent\nrule show\nneigh show proxy\n', maxOutput: 64 << 20 })
    const [addresses = '[]', routes = '[]', neighbours = '[]', rules = '[]', proxies = '[]'] = stdout.split('\n').map((line) => line.trim() || '[]')
    const all = z.array(z.union([route, z.object({}).strict()])).parse(JSON.parse(routes)).filter((one): one is Route => 'dst' in one)
    return {
      links: links.parse(JSON.parse(addresses)),
      routes: all.filter(({ table, protocol }) => (table === undefined || table === 'main' || table === EXTERNAL_ROUTES) && protocol !== 'kernel'),
      neighbours: z.array(neighbour).parse(JSON.parse(neighbours)),
      proxies: z.array(neighbour).parse(JSON.parse(proxies)),
      rules: z.array(rule).parse(JSON.parse(rules)).filter(({ priority }) => !USUAL_RULES.includes(priority)),
    }
  }

  private ipScope(): string[] {
    return this.name === null ? [] : ['-n', this.name]
  }

  // nsenter, since `ip netns exec` also makes a mount namespace, which costs and which these commands need not.
  private enter(command: string, args: readonly string[], options: Parameters<Run>[2] = {}) {
    return this.name === null ? this.run(command, args, options) : this.run('nsenter', [`--net=/run/netns/${this.name}`, command, ...args], options)
  }
}
