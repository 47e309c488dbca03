import type { DesiredMessage } from '@/contracts/host/v1'
import type { StreamRequest } from '@/contracts/host/v1/streams'
import { CompiledCache } from '@/server/store/balancer-models'
import { NetworkStateCache } from '@/server/store/network-state'
import { ExternalReports } from './external-reports'
import { ExternalWakes } from './external-wakes'
import { HeldExternal } from './held-external'
import { HeldVolumes } from './held-volumes'
import { LeaseTold } from './lease-told'
import { VolumeReports } from './volume-reports'
import { VolumeWakes } from './volume-wakes'

export type OpenMessage = { kind: 'open'; url: string; request: StreamRequest } | Extract<DesiredMessage, { kind: 'openBalancerLog' | 'openBalancerServers' }>

/** One connection of a host that said a valid hello. A newer connection of the same host takes the older one's place. */
export class HostSession {
  private readonly messages: OpenMessage[] = []
  private waiting: (() => void) | null = null
  private woken = true
  private desiredChanged = true
  private readonly networksChanged = new Set<string>()
  private allNetworksChanged = true
  private later: NodeJS.Timeout | null = null
  readonly externalWakes = new ExternalWakes()
  /** What this host may answer for on the outside. */
  readonly held = new HeldExternal()
  /** What it said of that. */
  readonly externalReports = new ExternalReports()
  /** Whether it knows for how long it may answer for that without hearing of the server. */
  readonly lease = new LeaseTold()
  readonly volumeWakes = new VolumeWakes()
  /** What this host may have open of volumes. */
  readonly heldVolumes = new HeldVolumes()
  /** What it said of those, and of stores. */
  readonly volumeReports = new VolumeReports()
  closed = false

  constructor(
    readonly hostId: string,
    readonly bootId: string,
    /** The server's own name for the connection. */
    readonly connection: string,
    private readonly disconnect: () => void,
    /** Whether it understands what is said of networks (contracts/host/v1.ts). */
    readonly takesNetworks = true,
    /** The same of addresses of the outside and balancers. */
    readonly takesExternal = false,
    /** The same of volumes and their stores. */
    readonly takesVolumes = false,
  ) {}

  open(message: OpenMessage): void {
    this.messages.push(message)
    this.rouse()
  }

  /** The host's assignments may have changed. */
  wake(): void {
    this.desiredChanged = true
    this.rouse()
  }

  /** What a network holds may have changed. */
  wakeNetwork(networkId: string): void {
    this.networksChanged.add(networkId)
    this.rouse()
  }

  /** Anything that it may answer for on the outside may have changed. */
  wakeExternal(): void {
    this.externalWakes.noteWhole()
    this.rouse()
  }

  /** Some of it may have, by uid: balancers, addresses; none: only what is beside them. */
  wakeObjects(uids: readonly string[]): void {
    this.externalWakes.noteObjects(uids)
    this.rouse()
  }

  /** It let go of something. */
  wakeSettled(): void {
    this.externalWakes.noteSettled()
    this.rouse()
  }

  /** Whether another host could take over what it answers for may have changed. */
  wakeOthers(others: boolean): void {
    if (this.externalWakes.noteOthers(others)) this.rouse()
  }

  /** Who takes connections of a balancer may have changed. */
  wakeBalancer(uid: string): void {
    this.externalWakes.noteServers(uid)
    this.rouse()
  }

  /** What it shall do with these volumes, snapshots or stores may have changed, by uid; null: anything of it. */
  wakeVolumes(uids: Iterable<string> | null): void {
    if (uids === null) this.volumeWakes.noteWhole()
    else this.volumeWakes.note(uids)
    this.rouse()
  }

  /** Something is to be tried again. */
  wakeLater(ms: number): void {
    this.later ??= setTimeout(() => {
      this.later = null
      this.wake()
    }, ms).unref()
  }

  /** Anything may have changed. */
  wakeWhole(): void {
    this.allNetworksChanged = true
    this.externalWakes.noteWhole()
    this.volumeWakes.noteWhole()
    this.wake()
  }

  private rouse(): void {
    this.woken = true
    this.waiting?.()
  }

  takeMessages(): OpenMessage[] {
    return this.messages.splice(0)
  }

  /** Resolves at the next wake, at once when one came since the last call. */
  async nextWake(): Promise<void> {
    if (!this.woken && !this.closed) await new Promise<void>((resolve) => (this.waiting = resolve))
    this.woken = false
    this.waiting = null
  }

  /** What may have changed since the last call: it says where to look, not what is there. */
  takeChanges(): { desired: boolean; networks: ReadonlySet<string> | 'all' } {
    const taken = { desired: this.desiredChanged, networks: this.allNetworksChanged ? ('all' as const) : new Set(this.networksChanged) }
    this.desiredChanged = false
    this.allNetworksChanged = false
    this.networksChanged.clear()
    return taken
  }

  close(): void {
    this.closed = true
    clearTimeout(this.later ?? undefined)
    this.wake()
    this.disconnect()
  }
}

/** The hosts that are connected to this process. */
export class HostSessions {
  private readonly byHost = new Map<string, HostSession>()
  /** What was read of networks for one host is not read again for another. */
  readonly networkCache = new NetworkStateCache()
  /** Balancers' models by generation. */
  readonly compiledCache = new CompiledCache()

  add(session: HostSession): void {
    this.byHost.get(session.hostId)?.close()
    this.byHost.set(session.hostId, session)
  }

  remove(session: HostSession): void {
    if (this.byHost.get(session.hostId) === session) this.byHost.delete(session.hostId)
    if (!session.closed) session.close()
  }

  get(hostId: string): HostSession | undefined {
    return this.byHost.get(hostId)
  }

  /** Whether any host here has to do with the outside. */
  get takesExternal(): boolean {
    return [...this.byHost.values()].some((session) => session.takesExternal)
  }

  all(): HostSession[] {
    return [...this.byHost.values()]
  }
}
