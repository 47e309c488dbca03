import { mkdir, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import type { NetworkMessage, NetworkObject } from '@/contracts/host/v1/networks'
import type { HostEvent } from '@/contracts/host/v1'
import type { Logger } from '@/platform/logger'
import { killStrayResolvers } from './process'
import { reserveAccount, Resolver } from './resolver'
import { hostNameservers } from './upstream'

const checkMs = 2_000
/** Where the kernel keeps named network namespaces. */
const namespaces = '/run/netns'

/** A pod of this host in its network; `namespace` is the name of that network's. */
export type ResolvedPod = { uid: string; networkId: string; namespace: string }

export type ResolversOptions = {
  /** A folder a network below it. */
  folder: string
  /** HYPERNETES_DNS_UPSTREAM: whom networks ask that name nobody; empty: the host's own. */
  upstream: readonly string[]
  log: Pick<Logger, 'info' | 'warn' | 'error'>
  /** Tells a pod of this host what concerns it; whether there is somebody who hears it by now. */
  tell?: (podUid: string, event: Pick<HostEvent, 'type' | 'reason' | 'message'>) => boolean
}

/** What a pod's events say of its network's resolver. */
const trouble = { type: 'Warning', reason: 'ResolverFailed', message: "The resolver of the pod's network cannot be brought up on this host as it should be: names may not be found, or not as they are now. The host tries again by itself; the operator finds the cause in the host's log." } as const
const over = { type: 'Normal', reason: 'ResolverReady', message: "The resolver of the pod's network answers on this host as it should again." } as const

/**
 * The resolvers of a host's networks: one a network that has a pod here, at its gateways. They start beside the pods: nothing of a pod waits for
 * them. An agent that ends leaves them to the next one.
 */
export class Resolvers {
  private readonly resolvers = new Map<string, Resolver>()
  private readonly networkOf = new Map<string, string>()
  private readonly known = new Map<string, readonly NetworkObject[]>()
  private nameservers: readonly string[] = []
  /** Pods that were told of trouble that is not over. */
  private readonly troubled = new Set<string>()
  private timer: NodeJS.Timeout | undefined
  private constructor(private readonly options: ResolversOptions) {}

  /** Opens them for an agent that starts: what runs of networks without a pod of these is ended, the others are taken up. */
  static async open(options: ResolversOptions, pods: readonly ResolvedPod[], known: readonly NetworkMessage[]): Promise<Resolvers> {
    const { folder, log } = options
    const all = new Resolvers(options)
    await mkdir(folder, { recursive: true, mode: 0o711 })
    all.nameservers = await hostNameservers(options.upstream)
    const used = new Set(pods.map(({ networkId }) => networkId))
    for (const name of (await readdir(folder)).filter((one) => !used.has(one))) {
      const killed = await killStrayResolvers(join(folder, name), new Set())
      if (killed > 0) log.warn({ killed }, 'ended resolvers of networks without pods')
      await rm(join(folder, name), { recursive: true, force: true })
    }
    for (const networkId of used) await reserveAccount(join(folder, networkId))
    for (const { networkId, set } of known) all.know(networkId, set)
    for (const pod of pods) all.attached(pod)
    all.timer = setInterval(() => void all.check(), checkMs).unref()
    return all
  }

  /** Whom networks ask that name nobody. */
  get hostNameservers(): readonly string[] {
    return this.nameservers
  }

  /** All that is known of a network now. */
  know(networkId: string, objects: readonly NetworkObject[]): void {
    this.known.set(networkId, objects)
    this.resolvers.get(networkId)?.know(objects)
  }

  forget(networkId: string): void {
    this.known.delete(networkId)
  }

  /** A pod's place in its network stands. */
  attached({ uid, networkId, namespace }: ResolvedPod): void {
    this.networkOf.set(uid, networkId)
    const resolver = this.resolvers.get(networkId) ?? this.make(networkId, namespace)
    resolver.start()
  }

  /** A pod goes. Resolves when the resolver has ended, where it was the last one of its network. */
  async detached(uid: string): Promise<void> {
    const networkId = this.networkOf.get(uid)
    if (networkId === undefined) return
    this.networkOf.delete(uid)
    this.troubled.delete(uid)
    if (!this.hasPods(networkId)) await this.resolvers.get(networkId)?.stop()
    if (!this.hasPods(networkId)) this.resolvers.delete(networkId)
  }

  /** Waits until all that was asked for is done. For tests. */
  async settled(): Promise<void> {
    await Promise.all([...this.resolvers.values()].map((resolver) => resolver.settled()))
  }

  /** Leaves what runs to the next agent. */
  async close(): Promise<void> {
    clearInterval(this.timer)
    await Promise.all([...this.resolvers.values()].map((resolver) => resolver.leave()))
  }

  private hasPods(networkId: string): boolean {
    return [...this.networkOf.values()].includes(networkId)
  }

  private make(networkId: string, namespace: string): Resolver {
    const { folder, log } = this.options
    const resolver = new Resolver({ folder: join(folder, networkId), namespace: `${namespaces}/${namespace}`, nameservers: () => this.nameservers, log, onTrouble: (isThere) => this.tell(networkId, isThere) })
    this.resolvers.set(networkId, resolver)
    resolver.know(this.known.get(networkId) ?? [])
    return resolver
  }

  /** Tells each pod of the network once: those too that came, or could hear it, only after the first time. */
  private tell(networkId: string, isThere: boolean): void {
    const pods = [...this.networkOf].flatMap(([uid, id]) => (id === networkId && this.troubled.has(uid) !== isThere ? [uid] : []))
    for (const uid of pods) {
      if (!isThere) this.troubled.delete(uid)
      if (this.options.tell?.(uid, isThere ? trouble : over) && isThere) this.troubled.add(uid)
    }
  }

  private async check(): Promise<void> {
    try {
      const now = await hostNameservers(this.options.upstream)
      const isOther = !isDeepStrictEqual(now, this.nameservers)
      this.nameservers = now
      await Promise.all([...this.resolvers.values()].map((resolver) => (isOther ? resolver.refresh() : resolver.check())))
    } catch (error) {
      this.options.log.error({ err: error }, 'resolvers could not be looked at')
    }
  }
}
