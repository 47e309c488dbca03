import { lookup as resolve } from 'node:dns/promises'
import { request } from 'node:http'
import { connect as connectTcp, isIP, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { addressKind } from './forbidden'
import { upstreamFor, type Upstream } from './upstream'

/** A machine and port that a registry, or a redirect of it, names. */
export type Destination = { host: string; port: number }

export type Policy = {
  /** `host[:port]` that may stand anywhere: what the operator lists. */
  allowed: readonly string[]
  /** Registries in private networks that may be used: all, or those `host[:port]`. */
  privateRegistries: 'all' | readonly string[]
}

/** What the operating system gives; another in tests. `env`: where the operator's proxies stand. */
export type System = {
  lookup: (host: string) => Promise<string[]>
  connect: (address: string, port: number) => Promise<Socket>
  env: NodeJS.ProcessEnv
}

const connectTimeoutMs = 10_000
const maxAddresses = 4

/** A destination that is never connected to. */
export class Forbidden extends Error {
  constructor(readonly place: string, readonly kind: 'forbidden' | 'private') {
    super('forbidden destination')
    this.name = 'Forbidden'
  }
}

/** A connection of TCP, or why there is none. */
export function connectDirectly(address: string, port: number): Promise<Socket> {
  return new Promise((done, reject) => {
    const socket = connectTcp({ host: address, port, allowHalfOpen: true })
    const fail = (error: Error) => {
      socket.destroy()
      reject(error)
    }
    socket.setTimeout(connectTimeoutMs, () => fail(Object.assign(new Error('timeout'), { code: 'ETIMEDOUT' })))
    socket.once('error', fail)
    socket.once('connect', () => {
      socket.setTimeout(0)
      // Until whoever asked listens, a failure is nobody's: it must not end this process.
      socket.on('error', () => {})
      socket.off('error', fail)
      done(socket)
    })
  })
}

export const system: System = {
  lookup: async (host) => (await resolve(host, { all: true })).map(({ address }) => address),
  connect: connectDirectly,
  env: process.env,
}

const lists = (list: readonly string[], { host, port }: Destination): boolean => {
  const name = isIP(host) === 6 ? `[${host}]` : host.toLowerCase()
  return list.some((entry) => entry.toLowerCase() === `${name}:${port}` || ((port === 443 || port === 80) && entry.toLowerCase() === name))
}

/**
 * Decides by addresses, not by names, and connects to the very addresses that it looked at: what a name means a moment
 * later changes nothing. One forbidden address among several forbids all.
 */
export class Reach {
  /** Whether a connection went, or was tried, into a private network that the operator does not name. */
  touchedPrivate = false

  constructor(
    private readonly policy: Policy,
    private readonly os: System = system,
  ) {}

  isAllowed(destination: Destination): boolean {
    return lists(this.policy.allowed, destination)
  }

  /** The way to a destination: its own addresses, or the operator's proxy. Throws {@link Forbidden}, or the failure of its name. */
  async way(scheme: 'http' | 'https', destination: Destination): Promise<{ upstream: Upstream } | { addresses: string[] }> {
    const { host, port } = destination
    const upstream = upstreamFor(scheme, host, port, this.os.env)
    const found = isIP(host) ? [host] : await this.os.lookup(host).catch((error: unknown) => {
      // Behind a proxy it is often the proxy alone that can resolve names.
      if (upstream) return []
      throw error
    })
    if (!this.isAllowed(destination)) this.#check(destination, found)
    return upstream ? { upstream } : { addresses: found.slice(0, maxAddresses) }
  }

  #check(destination: Destination, addresses: readonly string[]): void {
    const kinds = addresses.map(addressKind)
    const place = `${destination.host}:${destination.port}`
    if (kinds.includes('forbidden')) throw new Forbidden(place, 'forbidden')
    if (!kinds.includes('private')) return
    const { privateRegistries } = this.policy
    if (privateRegistries === 'all') this.touchedPrivate = true
    else if (!lists(privateRegistries, destination)) throw new Forbidden(place, 'private')
  }

  /** The first of the addresses that answers. */
  async connect(addresses: readonly string[], port: number): Promise<Socket> {
    let failure: unknown = Object.assign(new Error('no address'), { code: 'ENOTFOUND' })
    for (const address of addresses) {
      try {
        return await this.os.connect(address, port)
      } catch (error) {
        failure = error
      }
    }
    throw failure
  }

  /** A connection to the operator's proxy, and through it to a destination. */
  async through(upstream: Upstream, { host, port }: Destination): Promise<Socket> {
    const target = `${isIP(host) === 6 ? `[${host}]` : host}:${port}`
    const to = await this.toProxy(upstream)
    return new Promise<Socket>((done, reject) => {
      const asking = request({ method: 'CONNECT', path: target, createConnection: () => to, headers: { host: target, ...authorization(upstream) }, timeout: connectTimeoutMs })
      asking.on('error', reject)
      asking.once('timeout', () => asking.destroy(Object.assign(new Error('timeout'), { code: 'ETIMEDOUT' })))
      asking.once('connect', (answer, socket, head) => {
        if (head.length > 0) socket.unshift(head)
        if (answer.statusCode === 200) return done(to)
        socket.destroy()
        reject(new Error(`the operator's proxy answers ${answer.statusCode}`))
      })
      asking.once('response', (answer) => {
        answer.destroy()
        reject(new Error(`the operator's proxy answers ${answer.statusCode}`))
      })
      asking.once('close', () => reject(new Error("the operator's proxy has hung up")))
      asking.end()
    }).catch((error: unknown) => {
      to.destroy()
      throw error
    })
  }

  async toProxy({ host, port, tls }: Upstream): Promise<Socket> {
    const addresses = isIP(host) ? [host] : await this.os.lookup(host)
    const socket = await this.connect(addresses, port)
    if (!tls) return socket
    return new Promise((done, reject) => {
      const secured = connectTls({ socket, ...(isIP(host) ? {} : { servername: host }) }, () => done(secured))
      secured.once('error', reject)
    })
  }
}

export const authorization = ({ authorization: value }: Upstream): Record<string, string> => (value === null ? {} : { 'proxy-authorization': value })
