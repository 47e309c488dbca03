import { spawn, type ChildProcess } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { z } from 'zod'
import type { ExternalObject, HostAddressPool } from '@/contracts/host/v1/external'
import type { Attachment } from '@/host/network/attachment'
import type { HostNetwork } from '@/host/network/host-network'
import type { Run } from '@/host/network/kernel'
import { HOST, Lab, network, pod } from '@/host/network/testing/lab'
import { findExternal, type OpenExternal } from '@/host/pods/open-external'
import { run } from '@/platform/exec'
import type { Certificate } from '../ports'

export const pool: HostAddressPool = { kind: 'addressPool', uid: '00000000-0000-4000-8000-0000000000f0', name: 'default', cidr: '198.18.100.0/24', gateway: '198.18.100.1' }
export const networkId = '00000000-0000-4000-8000-000000000001'

/** What a run of an agent has of networks and the outside. */
export type Agent = { network: HostNetwork; outside: OpenExternal }

const webServer = "const [address, name] = process.argv.slice(1); require('node:http').createServer((_, response) => response.end(name)).listen(8080, address, () => console.log('ready'))"

/** Asks over TLS, as many at once as told, each time on a connection of its own or on one that is kept; at the end of its input it says what it saw. */
const loadClient = `
const [address, host, atOnce, keepAlive] = process.argv.slice(1)
const https = require('node:https')
const agent = new https.Agent({ keepAlive: keepAlive === 'true', maxSockets: Number(atOnce), rejectUnauthorized: false, servername: host })
const seen = { done: 0, errors: {}, answers: {}, longestGapMs: 0 }
let ended = false, last = performance.now(), running = 0
const error = (what) => (seen.errors[what] = (seen.errors[what] ?? 0) + 1)
const ask = () => {
  if (ended) return void (--running === 0 && (console.log(JSON.stringify(seen)), process.exit(0)))
  const again = () => setTimeout(ask, 2)
  const request = https.get({ host: address, port: 443, path: '/', headers: { host }, agent, timeout: 20000 }, (response) => {
    let text = ''
    response.on('data', (chunk) => (text += chunk)).on('error', (e) => (error(e.code ?? e.message), again())).on('end', () => {
      if (response.statusCode === 200) { seen.answers[text] = (seen.answers[text] ?? 0) + 1; const now = performance.now(); seen.longestGapMs = Math.max(seen.longestGapMs, now - last); last = now } else error(String(response.statusCode))
      seen.done += 1
      again()
    })
  })
  request.on('timeout', () => request.destroy(new Error('timeout'))).on('error', (e) => (error(e.code ?? e.message), again()))
}
for (; running < Number(atOnce); running += 1) ask()
process.stdin.on('end', () => (ended = true)).resume()
console.log('ready')
`
const counts = z.record(z.string(), z.number())
const seen = z.object({ done: z.number(), errors: counts, answers: counts, longestGapMs: z.number() })
export type Seen = z.infer<typeof seen>

/** A host with the outside before it and pods in a network, and one run of an agent after another. */
export class ExternalLab {
  readonly folders: { external: string; balancers: string }
  readonly pods: Attachment[] = []
  private readonly namespaces = new Map<string, string>()
  private readonly children: ChildProcess[] = []
  private constructor(readonly lab: Lab, private readonly folder: string) {
    this.folders = { external: join(folder, 'external'), balancers: join(folder, 'balancers') }
  }

  static async create(): Promise<ExternalLab> {
    const all = new ExternalLab(await Lab.create(), await mkdtemp(join(tmpdir(), 'external-')))
    await mkdir(all.folders.balancers, { mode: 0o711 })
    await all.lab.ip(all.lab.outside, [`route add 198.18.100.0/24 via ${HOST}`])
    return all
  }

  get outside(): string {
    return this.lab.outside
  }

  /** Begins as an agent does. */
  async agent(runCommand: Run = run): Promise<Agent> {
    const log = pino({ level: process.env.LAB_LOG ?? 'silent' })
    const hosts = this.lab.hostNetwork({ run: runCommand, log })
    const found = await findExternal({ hostTag: this.lab.hostTag, folders: this.folders, network: hosts, log, run: runCommand })
    await hosts.reconcile([...this.pods, ...found.attachments])
    const outside = await found.open()
    outside.external.begin()
    return { network: hosts, outside }
  }

  /** A pod that answers each request with its name, in the place of one that had its address. */
  async web(agent: Agent, last: number, name: string): Promise<void> {
    const before = this.pods.findIndex((one) => one.pod.address === `10.0.0.${last}`)
    for (const gone of before < 0 ? [] : this.pods.splice(before, 1)) await agent.network.detach(gone.pod.uid)
    const attachment = { network: network(1, { id: networkId }), pod: pod(randomUUID(), last) }
    const namespace = await this.lab.start(agent.network, attachment)
    this.pods.push(attachment)
    this.namespaces.set(name, namespace)
    await this.start(namespace, 'node', ['-e', webServer, `10.0.0.${last}`, name])
  }

  /** Where the pod is that answers with this name. */
  podNamespace(name: string): string {
    return this.namespaces.get(name) ?? ''
  }

  /** Runs a program in a namespace until the end, and resolves with its output's lines once it says that it is ready. */
  async start(namespace: string, command: string, args: readonly string[]): Promise<{ child: ChildProcess; lines: AsyncIterator<string> }> {
    const child = spawn('nsenter', [`--net=/run/netns/${namespace}`, command, ...args], { stdio: ['pipe', 'pipe', 'inherit'] })
    this.children.push(child)
    const lines = createInterface(child.stdout)[Symbol.asyncIterator]()
    await lines.next()
    return { child, lines }
  }

  /** Asks a host of a balancer without a pause. Returns what ends it and says what it saw. */
  async load(address: string, host: string, { atOnce = 4, keepAlive = false } = {}): Promise<() => Promise<Seen>> {
    const { child, lines } = await this.start(this.outside, 'node', ['-e', loadClient, address, host, String(atOnce), String(keepAlive)])
    return async () => {
      child.stdin?.end()
      return seen.parse(JSON.parse(String((await lines.next()).value)))
    }
  }

  /** What a host of an address answers over TLS. */
  async curl(address: string, url: string, seconds = 20): Promise<string> {
    const { hostname, port, protocol } = new URL(url)
    return (await this.lab.in(this.outside, 'curl', '-sk', '--max-time', String(seconds), '--resolve', `${hostname}:${port || (protocol === 'https:' ? 443 : 80)}:${address}`, url)).stdout
  }

  async certificate(name: string): Promise<Certificate> {
    const file = join(this.folder, randomUUID())
    await run('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '1', '-subj', `/CN=${name}`, '-addext', `subjectAltName=DNS:${name},DNS:*.${name}`, '-keyout', `${file}.key`, '-out', file])
    return { id: randomUUID(), revision: '1', pem: `${await readFile(file, 'utf8')}${await readFile(`${file}.key`, 'utf8')}` }
  }

  /** Says all there is; pools with it. */
  tell({ outside }: Agent, ...objects: ExternalObject[]): void {
    outside.external.take({ kind: 'externalObjects', complete: true, set: [pool, ...objects], remove: [] })
  }

  /** All that balancers and addresses leave behind: namespaces, links, tables, files, mounts, processes. */
  async traces(): Promise<string[]> {
    const { hostTag, host } = this.lab
    const names = (await readdir('/run/netns')).filter((name) => name.startsWith(`hypb-${hostTag}-`))
    const links = (await this.lab.in(host, 'ip', '-o', 'link')).stdout.split('\n').map((line) => line.split(': ')[1] ?? '').filter((name) => name.startsWith('hx') || name.startsWith('hypx'))
    const tables = (await this.lab.in(host, 'nft', 'list', 'tables')).stdout.split('\n').filter((line) => line.includes('_ext_') || line.includes('_lease_'))
    const mounts = (await readFile('/proc/self/mounts', 'utf8')).split('\n').filter((line) => line.includes(this.folder))
    return [...names, ...links, ...tables, ...mounts, ...await readdir(this.folders.balancers)]
  }

  async destroy(): Promise<void> {
    for (const child of this.children) child.kill('SIGKILL')
    const { hostTag } = this.lab
    const agent = await this.agent().catch(() => null)
    if (agent) {
      this.tell(agent)
      await agent.outside.balancers.settled()
      await agent.outside.leave()
    }
    for (const name of (await readdir('/run/netns')).filter((one) => one.startsWith(`hypb-${hostTag}-`))) await run('ip', ['netns', 'delete', name])
    await this.lab.destroy()
    await rm(this.folder, { recursive: true, force: true })
  }
}
