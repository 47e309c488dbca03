import { randomUUID } from 'node:crypto'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { createServer as createHttp2, type Http2Server } from 'node:http2'
import { createServer, type RequestListener, type Server } from 'node:http'
import { createServer as createTcp, type AddressInfo, type Server as TcpServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { HostBalancer } from '@/contracts/host/v1/external'
import { defaultOptions, type BalancerModel, type BalancerServer } from '@/domain/load-balancer/model'
import { run } from '@/platform/exec'
import { logger } from '@/platform/logger'
import type { Certificate } from '../../ports'
import { HaproxyProcess, type HaproxyParts } from '../haproxy'

const log = logger('test')
log.level = 'fatal'

/** A balancer's namespace with a link to this one, from which clients and pods of tests speak. Nothing leaves the machine. */
export class BalancerLab {
  readonly uid = randomUUID()
  readonly ended: string[] = []
  private readonly servers: { close: () => void; sockets: Set<Socket> }[] = []
  private constructor(readonly namespace: string, readonly folder: string, readonly here: string, readonly address: string) {}

  static async open(): Promise<BalancerLab> {
    const number = Math.floor(Math.random() * 16_000)
    const base = `10.254.${number >> 6}.`
    const first = (number & 63) * 4
    const lab = new BalancerLab(`hb-${process.pid}-${number}`, await mkdtemp(join(tmpdir(), 'hb-')), `${base}${first + 1}`, `${base}${first + 2}`)
    await run('ip', ['netns', 'add', lab.namespace])
    await run('ip', ['-n', lab.namespace, 'link', 'set', 'dev', 'lo', 'up'])
    await run('ip', ['link', 'add', 'name', `hb${number}`, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', lab.namespace])
    await run('ip', ['address', 'add', `${lab.here}/30`, 'dev', `hb${number}`])
    await run('ip', ['link', 'set', 'dev', `hb${number}`, 'up'])
    await run('ip', ['-n', lab.namespace, 'address', 'add', `${lab.address}/30`, 'dev', 'eth0'])
    await run('ip', ['-n', lab.namespace, 'link', 'set', 'dev', 'eth0', 'up'])
    return lab
  }

  haproxy(onEnd = () => {}, more: Partial<HaproxyParts> = {}): HaproxyProcess {
    return new HaproxyProcess({ folder: join(this.folder, 'balancer'), namespace: `/run/netns/${this.namespace}`, onEnd, log, ...more })
  }

  /** A balancer as its host is told of it. */
  balancer(model: Partial<BalancerModel>): HostBalancer {
    const network = { number: 1, mtu: 1450, subnets: [], inner: [], mac: '', outbound: 'nat' as const }
    return { kind: 'balancer', uid: this.uid, tenantId: 't', namespace: 'default', name: 'web', number: 1, networkId: this.uid, network, addresses: [this.address], listeners: [], backends: [], options: defaultOptions, until: null, ...model }
  }

  /** A pod that answers HTTP; what it is, as a server of a backend. */
  async pod(answer: RequestListener): Promise<BalancerServer & { server: Server; cut: () => void }> {
    const server = createServer({ keepAliveTimeout: 0 }, answer)
    return { ...(await this.listen(server)), server, cut: this.cutter(server) }
  }

  async tcpPod(answer: (socket: Socket) => void): Promise<BalancerServer & { server: TcpServer; cut: () => void }> {
    const server = createTcp({ allowHalfOpen: true }, (socket) => answer(socket.on('error', () => {})))
    return { ...(await this.listen(server)), server, cut: this.cutter(server) }
  }

  /** A pod that speaks HTTP/2 without TLS. */
  async h2cPod(prepare: (server: Http2Server) => void): Promise<BalancerServer> {
    const server = createHttp2()
    prepare(server)
    return this.listen(server as unknown as TcpServer)
  }

  /** Ends a pod as a crash does: nothing listens, and what was open is reset. */
  private cutter(server: TcpServer): () => void {
    return () => {
      const known = this.servers.find((one) => one.close === closers.get(server))
      server.close()
      for (const socket of known?.sockets ?? []) socket.resetAndDestroy()
    }
  }

  private async listen(server: TcpServer, port = 0): Promise<BalancerServer> {
    const sockets = new Set<Socket>()
    server.on('connection', (socket: Socket) => {
      sockets.add(socket)
      socket.on('close', () => sockets.delete(socket)).on('error', () => {})
    })
    const close = () => void server.close()
    closers.set(server, close)
    this.servers.push({ close, sockets })
    await new Promise<void>((resolve) => server.listen(port, this.here, resolve))
    return { address: this.here, port: (server.address() as AddressInfo).port, weight: 1 }
  }

  /** A certificate of its own with its key, made by openssl. */
  async certificate(name: string, id: string = randomUUID()): Promise<Certificate> {
    const file = join(this.folder, `${name.replaceAll('*', '_')}-${randomUUID()}`)
    await run('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '1', '-subj', `/CN=${name}`, '-addext', `subjectAltName=DNS:${name}`, '-keyout', `${file}.key`, '-out', file])
    const pem = (await readFile(file, 'utf8')) + (await readFile(`${file}.key`, 'utf8'))
    await rm(file)
    await rm(`${file}.key`)
    return { id, revision: randomUUID(), pem }
  }

  async close(): Promise<void> {
    for (const { close, sockets } of this.servers) {
      close()
      for (const socket of sockets) socket.destroy()
    }
    await this.haproxy().stop()
    await run('ip', ['netns', 'delete', this.namespace])
    await rm(this.folder, { recursive: true, force: true })
  }
}

const closers = new WeakMap<TcpServer, () => void>()
