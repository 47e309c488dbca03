import { spawn, type ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { chmod, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { build } from 'esbuild'
import { buildGuestImage } from '@/guest/image/build'
import { readHostTag } from '@/host/control/agent-files'
import { HostIdentity } from '@/host/control/identity'
import { bridgeName } from '@/host/external/names'
import { run } from '@/platform/exec'
import { removeGroupsOf } from '@/tools/test/control-groups.mjs'
import { endEach } from './cleanup'

const root = join(import.meta.dirname, '../..')
/** Of the link to the server; by it hosts reach all that they need beside their segment. */
export const serverAddress = '172.29.0.1'
const storageAddress = '172.29.0.2'
const serverPort = 7000

/** Becomes the first process of a machine: no namespace of the machine around it is seen in it, and none is kept by it. It ends with the test. */
const firstProcess = 'umount -l -R /run/netns 2>/dev/null; mkdir -p /run/netns && mount -t tmpfs none /run/netns && ip link set lo up && echo up && exec sleep infinity'

/** Milliseconds that the end of one takes at most, and that of all of three. */
const machineMs = 30_000
export const machinesMs = 3 * machineMs + 300_000

type Built = { bundle: string; guest: { kernel: string; initramfs: string; version: string }; settings: NodeJS.ProcessEnv }

/**
 * A segment of the outside with a client in it, a link to the server for each host, and hosts on them: each a machine as far as the kernel can make one, with processes, mounts and a network of its own.
 * Nothing of it reaches beyond.
 */
export class Machines {
  readonly tag = randomBytes(3).toString('hex')
  readonly client = `hyt-${this.tag}-out`
  private readonly wires = `hyt-${this.tag}-net`
  private readonly machines: Machine[] = []
  private readonly children: ChildProcess[] = []
  private constructor(
    private readonly folder: string,
    private readonly built: Built,
  ) {}

  /** `clientAddress` with its prefix length: of the pool, so that the client asks the segment who has an address. `settings`: of every agent, beside those that all tests need. */
  static async create(clientAddress: string, settings: Record<string, string> = {}): Promise<Machines> {
    const bundle = join(root, 'node_modules', '.cache', `machines-${process.pid}.mjs`)
    await build({ absWorkingDir: root, entryPoints: ['host/main.ts'], outfile: bundle, bundle: true, platform: 'node', target: 'node20', format: 'esm', packages: 'external', logLevel: 'silent' })
    const guest = await buildGuestImage({ outDir: join(root, 'node_modules/.cache/hypernetes-guest') })
    // Not /tmp, which is memory on Debian 13: pods' disks go here.
    const folder = await mkdtemp('/var/tmp/hypernetes-machines-')
    await chmod(folder, 0o711)
    const all = new Machines(folder, { bundle, guest, settings: { NODE_ENV: 'test', ...settings } })
    for (const name of [all.wires, all.client]) await run('ip', ['netns', 'add', name])
    await all.ip(all.wires, ['link set lo up', ...['segment', 'servers'].flatMap((name) => [`link add ${name} type bridge forward_delay 0 mcast_snooping 0`, `link set ${name} up`]), `address add ${serverAddress}/24 dev servers`, `link add client master segment type veth peer name eth0 netns ${all.client}`, 'link set client up'])
    await all.ip(all.client, ['link set lo up', `address add ${clientAddress} dev eth0`, 'link set eth0 up'])
    return all
  }

  /** What listens on a socket of the file system hosts reach by TCP over their links: the server, where no other port is said. */
  async serve(socket: string, port = serverPort): Promise<void> {
    this.children.push(spawn('nsenter', [`--net=/run/netns/${this.wires}`, 'socat', `TCP4-LISTEN:${port},bind=${serverAddress},reuseaddr,fork`, `UNIX-CONNECT:${socket}`], { stdio: 'ignore', detached: true }))
    await until(`port ${port} is reached over links`, async () => (await this.in(this.wires, 'ss', '-Hltn', `sport = :${port}`)) !== '')
  }

  /** By which a cluster is reached from all machines, beside the server: `there` is its address. */
  get storageWire(): { from: string; there: string; bridge: string } {
    return { from: this.wires, there: storageAddress, bridge: 'servers' }
  }

  /** A machine that is switched on, with an interface in the segment that its operator put into the bridge of the outside. No agent runs there yet. */
  async machine(name: string): Promise<Machine> {
    const data = join(this.folder, name)
    await mkdir(data, { mode: 0o711 })
    const tag = await readHostTag(join(data, 'host'))
    const { publicKey } = await HostIdentity.load(join(data, 'host', 'identity.pem'))
    const machine = new Machine(this, this.machines.length, { name, data, tag, publicKey, wires: this.wires, built: this.built })
    this.machines.push(machine)
    await machine.switchOn()
    return machine
  }

  ip(namespace: string, lines: readonly string[]) {
    return run('ip', ['-n', namespace, '-batch', '-'], { input: `${lines.join('\n')}\n` })
  }

  async in(namespace: string, command: string, ...args: string[]): Promise<string> {
    return (await run('nsenter', [`--net=/run/netns/${namespace}`, command, ...args])).stdout
  }

  /** A program in the client's namespace until the end of the test, with its lines. */
  start(command: string, ...args: string[]): { child: ChildProcess; lines: string[] } {
    const child = spawn('nsenter', [`--net=/run/netns/${this.client}`, command, ...args], { stdio: ['pipe', 'pipe', 'inherit'] })
    this.children.push(child)
    const lines: string[] = []
    createInterface(child.stdout).on('line', (line) => lines.push(line))
    return { child, lines }
  }

  /** What a page answers with which status; ` 000` where nobody does. */
  async get(url: string, seconds = 3): Promise<string> {
    return (await this.in(this.client, 'sh', '-c', 'curl -s -w " %{http_code}" --noproxy "*" --max-time "$1" "$2" || true', 'sh', String(seconds), url)).replace(/\s+/g, ' ')
  }

  /** The MAC address that the client's kernel has for an address; it asks nobody. */
  async neighbour(address: string): Promise<string | null> {
    return /lladdr (\S+)/.exec(await this.in(this.client, 'ip', 'neighbour', 'show', address, 'dev', 'eth0'))?.[1] ?? null
  }

  /** Who answers when the whole segment is asked for an address, each once. */
  async answering(address: string): Promise<string[]> {
    // Fails where nobody answers, too.
    const answer = await this.in(this.client, 'sh', '-c', 'arping -b -c 2 -w 3 -I eth0 "$1" || true', 'sh', address)
    return macsIn(answer.split('\n')).filter((mac, at, all) => all.indexOf(mac) === at)
  }

  /** Asks the whole segment for an address every second; returns who answered, one after another, where it changed. */
  watch(address: string): () => string[] {
    const { lines } = this.start('arping', '-b', '-I', 'eth0', address)
    return () => macsIn(lines).filter((mac, at, all) => mac !== all[at - 1])
  }

  /** Ends all of it, by its ids, and removes what it left. */
  async destroy(): Promise<void> {
    await endEach([
      { what: 'the programs of machines', end: () => this.children.forEach((child) => child.kill('SIGKILL')) },
      ...this.machines.map((machine) => ({ what: `machine ${machine.name}`, end: () => machine.switchOff(), withinMs: machineMs })),
      ...[this.client, this.wires].map((name) => ({ what: `the network ${name}`, end: () => run('ip', ['netns', 'delete', name]) })),
      { what: 'the control groups of machines', end: () => this.machines.forEach(({ tag }) => removeGroupsOf(`hypernetes-${tag}`)) },
      { what: 'the bundle', end: () => rm(this.built.bundle, { force: true }) },
      { what: 'the folder of machines', end: () => rm(this.folder, { recursive: true, force: true }) },
    ])
  }
}

const macsIn = (lines: readonly string[]): string[] => lines.flatMap((line) => /reply from \S+ \[([0-9A-F:]+)\]/i.exec(line)?.[1]?.toLowerCase() ?? [])

type MachineParts = { name: string; data: string; tag: string; publicKey: string; wires: string; built: Built }

/** One machine of them. */
export class Machine {
  private first: ChildProcess | null = null
  private firstPid = 0
  private agent: ChildProcess | null = null
  /** Why its agent ended by itself, which it never should. */
  failure: string | null = null
  /** What its agents printed. */
  output = ''
  constructor(
    private readonly all: Pick<Machines, 'ip'>,
    private readonly number: number,
    private readonly parts: MachineParts,
  ) {}

  get name(): string {
    return this.parts.name
  }
  get tag(): string {
    return this.parts.tag
  }
  /** The folder of its agent's data. */
  get data(): string {
    return this.parts.data
  }
  get publicKey(): string {
    return this.parts.publicKey
  }

  async switchOn(): Promise<void> {
    const child = spawn('unshare', ['--net', '--pid', '--mount', '--uts', '--ipc', '--fork', '--kill-child=SIGKILL', '--mount-proc', 'sh', '-c', firstProcess], { stdio: ['ignore', 'pipe', 'pipe'] })
    this.first = child
    let said = ''
    child.stderr.on('data', (chunk: Buffer) => (said = (said + chunk.toString()).slice(-1_000)))
    this.firstPid = 0
    await Promise.race([once(child.stdout, 'data'), once(child, 'close')])
    if (hasEnded(child)) throw new Error(`machine ${this.name} could not be switched on: unshare ended (exit code ${child.exitCode}, signal ${child.signalCode}): ${said}`)
    this.firstPid = await childOf(child.pid)
    const { number, parts: { wires, tag } } = this
    const links = [['server', 'servers', 'eth0'], ['wire', 'segment', 'eth1']].map(([name, bridge, device]) => `link add ${name}${number} master ${bridge} type veth peer name ${device} netns ${this.firstPid}`)
    await this.all.ip(wires, [...links, `link set server${number} up`, `link set wire${number} up`])
    const bridge = bridgeName(tag)
    await this.in('sh', '-ec', `ip address add 172.29.0.${10 + number}/24 dev eth0; ip link set eth0 up; ip route add default via ${serverAddress}; ip link add ${bridge} type bridge; ip link set eth1 master ${bridge} up`)
  }

  /** As by its switch: the kernel ends all of its processes at once, and its links and namespaces go with them. */
  async switchOff(): Promise<void> {
    const { first, agent } = this
    this.first = null
    this.agent = null
    if (!first) return
    const running = [first, ...(agent ? [agent] : [])].filter((child) => !hasEnded(child))
    const ended = Promise.all(running.map((child) => once(child, 'close')))
    if (running.includes(first)) {
      // Of one that was not switched on as a whole, its first process is not known: it ends with unshare.
      if (this.firstPid > 0) process.kill(this.firstPid, 'SIGKILL')
      else first.kill('SIGKILL')
    }
    await ended
  }

  /** Begins the agent, as a process of the machine. */
  startAgent(): void {
    const { data, name, built: { bundle, guest, settings } } = this.parts
    const env: NodeJS.ProcessEnv = { ...settings, PATH: process.env.PATH, HYPERNETES_DATA: data, HYPERNETES_LOCAL_HOST_NAME: name, HYPERNETES_SERVER_URL: `ws://${serverAddress}:${serverPort}/ws/host`, HYPERNETES_ACCEL: 'tcg', HYPERNETES_TEMPLATES: 'cold', HYPERNETES_GUEST_KERNEL: guest.kernel, HYPERNETES_GUEST_INITRAMFS: guest.initramfs, HYPERNETES_GUEST_VERSION: guest.version }
    const agent = spawn('nsenter', [...this.namespaces(), process.execPath, '--enable-source-maps', bundle], { env, stdio: ['ignore', 'pipe', 'pipe'] })
    for (const stream of [agent.stdout, agent.stderr]) stream.on('data', (chunk: Buffer) => (this.output = (this.output + chunk.toString()).slice(-100_000)))
    agent.once('close', (code) => {
      if (this.agent === agent) this.failure = `the agent of machine ${name} ended (exit code ${code})`
    })
    this.agent = agent
  }

  /** Ends the agent alone, without a word: what it started runs on. */
  async killAgent(): Promise<void> {
    const { agent } = this
    if (!agent) throw new Error(`no agent runs on machine ${this.name}`)
    if (hasEnded(agent)) throw new Error(`the agent of machine ${this.name} had ended by itself`)
    this.agent = null
    const ended = once(agent, 'close')
    process.kill(await childOf(agent.pid), 'SIGKILL')
    await ended
  }

  /** What a command of the machine prints. */
  async in(command: string, ...args: string[]): Promise<string> {
    return (await run('nsenter', [...this.namespaces(), command, ...args])).stdout
  }

  /** A program of the machine, until it is ended or the machine is. */
  start(command: string, ...args: string[]): ChildProcess {
    return spawn('nsenter', [...this.namespaces(), command, ...args], { stdio: 'ignore' })
  }

  private namespaces(): string[] {
    return ['--target', String(this.firstPid), '--net', '--pid', '--mount', '--uts', '--ipc']
  }
}

const hasEnded = ({ exitCode, signalCode }: ChildProcess): boolean => exitCode !== null || signalCode !== null

/** The process that nsenter or unshare made in another namespace of processes, by its number here. */
async function childOf(pid: number | undefined): Promise<number> {
  const found = Number((await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8')).trim().split(' ')[0])
  if (!Number.isInteger(found) || found <= 1) throw new Error(`process ${pid} has no child`)
  return found
}

/** Waits for a condition, at most so long. */
export async function until(what: string, condition: () => Promise<boolean>, told: () => Promise<string> = () => Promise.resolve(''), withinMs = 90_000): Promise<void> {
  const deadline = performance.now() + withinMs
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`not in time: ${what}\n${await told()}`)
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}
