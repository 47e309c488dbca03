import { planVolume, type VolumePlan } from '../controllers/volume/plan'
import type { WorldVolume } from '../controllers/volume/world'
import { ModelVolumeGateway, type CarelessGateway, type ModelGateway } from './volume-model-gateway'
import { ModelVolumeHost, type CarelessHost } from './volume-model-host'
import { ModelVolumeRows, type CarelessRows, type ModelKind } from './volume-model-rows'
import { ModelStore } from './volume-model-store'

/** `expires`: a blocklist that runs out; `wrongWord`: an operator who declares a host lost that sleeps. */
export type Careless = CarelessHost | CarelessGateway | CarelessRows | 'expires' | 'wrongWord' | null
const pick = <T extends string>(careless: Careless, ...of: readonly T[]): T | null => of.find((one) => one === careless) ?? null
const ids = ['h0', 'h1', 'h2']

/**
 * One volume: the real plan of the volume controller over rows in memory, what a gateway holds of each connection, three hosts that do as the contract says, and a store. Between any two steps anything
 * else may happen: also between a host's looking whether it may and its doing.
 */
export class VolumeModel {
  readonly hosts: readonly ModelVolumeHost[]
  private readonly rows: ModelVolumeRows
  private readonly store: ModelStore
  private readonly gateways: readonly ModelGateway[]
  private planned: { plan: VolumePlan; from: WorldVolume } | null = null
  private seen = { epoch: 0, noted: 0, ledgers: ids.map(() => 0), snapshots: '' }

  /** `gatewayOf`: one that is tried instead of the model's own. */
  constructor(kind: ModelKind, readOnlyMany: boolean, private readonly careless: Careless = null, gatewayOf?: (host: ModelVolumeHost, rows: ModelVolumeRows) => ModelGateway) {
    this.store = new ModelStore(kind === 'rbd')
    const forHosts = pick(careless, 'noEpoch', 'noFence', 'noLock', 'noSecondLook', 'fenceFirst', 'overwrites', 'listsLate', 'goneEarly', 'revertsOnce')
    this.hosts = ids.map((id) => new ModelVolumeHost(id, this.store, forHosts, (to) => this.rows.volume?.revertTo === to))
    this.rows = new ModelVolumeRows(kind, readOnlyMany, this.hosts.map(({ machine }) => machine), pick(careless, 'byTime', 'blind'))
    this.gateways = this.hosts.map((host) => gatewayOf?.(host, this.rows) ?? new ModelVolumeGateway(host, this.rows, pick(careless, 'freesEarly', 'dropsEarly')))
  }

  readonly steps = {
    // What was planned before and is not written is lost: the process that led has died.
    plan: () => this.plan(),
    apply: () => this.apply(),
    read: (h: number) => this.gateway(h).read(),
    send: (h: number) => this.gateway(h).send(),
    release: (h: number) => this.gateway(h).release(),
    hear: (h: number) => this.gateway(h).hear(),
    store: (h: number) => this.gateway(h).store(),
    take: (h: number) => this.host(h).take(),
    work: (h: number) => this.host(h).work(),
    workMore: (h: number, count: number) => this.workMore(h, count),
    write: (h: number) => this.host(h).writeSome(),
    doubleTold: (h: number) => double(this.host(h).connection.toHost),
    doubleSaid: (h: number) => double(this.host(h).connection.toServer),
    togglePod: (h: number, n: number) => this.rows.togglePod(n, ids[h % 3] ?? ''),
    movePod: (h: number, n: number) => this.rows.movePod(n, ids[h % 3] ?? ''),
    attach: (_: number, n: number) => this.rows.attach(n),
    detach: (_: number, n: number) => this.rows.detach(n),
    remove: () => this.rows.remove(),
    graceOver: () => this.rows.graceOver(),
    restore: () => this.rows.restore(),
    grow: () => this.rows.grow(),
    snapshot: () => this.rows.askSnapshot(),
    revert: (_: number, n: number) => this.rows.revert(n),
    idle: () => this.rows.rest(),
    reconnect: (h: number) => void (this.host(h).machine.isHeard && this.host(h).connect()),
    restartAgent: (h: number) => this.host(h).restartAgent(),
    killVm: (h: number) => this.host(h).killVm(),
    cutOff: (h: number) => void (this.host(h).machine.cutOff = true),
    sleep: (h: number) => void (this.host(h).machine.power === 'on' && (this.host(h).machine.power = 'asleep')),
    wake: (h: number) => void (this.host(h).machine.power === 'asleep' && (this.host(h).machine.power = 'on')),
    switchOff: (h: number) => this.host(h).switchOff(),
    /** The server has heard nothing for its time. */
    callLost: (h: number) => void (this.host(h).machine.lost ||= !this.host(h).machine.isHeard),
    declareLost: (h: number) => this.declareLost(h),
    /** It is there again, and connects anew. */
    comeBack: (h: number) => this.comeBack(this.host(h)),
    forgetSilent: () => this.store.forgetSilent(),
    forgetBlocked: () => void (this.careless === 'expires' && this.store.forgetBlocked()),
    /** All that is due, but that one host is slow. */
    progress: (h: number) => this.progress(h),
  }

  private plan(): void {
    const world = this.rows.world()
    this.planned = world && { plan: planVolume(world), from: world.volume }
  }
  private apply(): void {
    if (this.planned) this.rows.apply(this.careless === 'byTime' ? this.byTime(this.planned.plan) : this.planned.plan, this.planned.from)
    this.planned = null
  }
  /** As a controller would that counts a silent host's time as its word. */
  private byTime(plan: VolumePlan): VolumePlan {
    const world = this.rows.world()
    return world ? planVolume({ ...world, hosts: world.hosts.map((host) => ({ ...host, declared: host.declared || host.lost })) }) : plan
  }
  private workMore(h: number, count: number): void {
    for (let step = 0; step <= count; step += 1) this.host(h).work()
  }
  private declareLost(h: number): void {
    const { machine } = this.host(h)
    if (machine.power === 'off' || (this.careless === 'wrongWord' && machine.power === 'asleep')) Object.assign(machine, { declared: true, lost: true })
  }
  private comeBack(host: ModelVolumeHost): void {
    Object.assign(host.machine, { power: 'on', cutOff: false, declared: false, lost: false })
    host.connect()
  }
  private progress(but: number): void {
    this.plan()
    this.apply()
    for (const [h, host] of this.hosts.entries()) {
      for (const step of ['hear', 'store', 'read', 'send', 'release', 'take', 'workMore', 'hear', 'write', 'workMore', 'hear', 'hear', 'store'] as const) {
        if (h === but && ['hear', 'take', 'workMore'].includes(step)) continue
        this.steps[step](h, 3)
        this.check(`${step} at ${host.machine.id}`)
      }
    }
  }
  private host(h: number): ModelVolumeHost {
    const host = this.hosts[h % this.hosts.length]
    if (!host) throw new Error('no host')
    return host
  }
  private gateway(h: number): ModelGateway {
    const gateway = this.gateways[h % this.gateways.length]
    if (!gateway) throw new Error('no gateway')
    return gateway
  }

  /** Throws where something is that must never be. */
  check(after: string): void {
    const problem = this.problem()
    if (problem) throw new Error(`after ${after}, ${problem}`)
  }
  private problem(): string | null {
    const { rows: { volume, attachments }, store } = this
    const active = attachments.filter(({ phase }) => phase !== 'Waiting')
    const writing = active.filter(({ readOnly }) => !readOnly)
    if (writing.length > 1) return 'I1: two attachments write'
    if (writing.length > 0 && active.length > writing.length) return 'I2: somebody reads what another one writes'
    if (active.some(({ readOnly }) => readOnly) && store.writers.length > 0) return 'I2: somebody reads what can still be written'
    if (store.writers.length > 1) return `I3: two can write: ${store.writers.map(({ machine, epoch }) => `${machine.id} under ${epoch}`).join(' and ')}`
    if (store.acknowledged.some((one) => !store.bytes.includes(one))) return 'I5: what was acknowledged is not there'
    if (volume?.purging && !volume.deleted) return 'I6: it is removed for good, and people have it back'
    if (volume?.purging && !volume.due) return 'I6: it is removed for good, and could be restored still'
    if ((!volume || volume.purging) && store.writers.length > 0) return 'I6: somebody can write to what is deleted for good'
    return this.problemOfReverting() ?? this.problemOverTime()
  }
  private problemOfReverting(): string | null {
    const { rows, store } = this
    const to = rows.wentBack
    rows.wentBack = null
    return to === null || store.bytes.join() === store.snapshots.get(to)?.join() ? null : 'I5: it is said to have gone back to a snapshot, and has not'
  }
  private problemOverTime(): string | null {
    const { rows: { volume }, store, seen } = this
    const now = { epoch: volume?.epoch ?? seen.epoch, noted: store.noted, ledgers: this.hosts.map(({ epoch }) => epoch), snapshots: [...store.snapshots].map(([name, bytes]) => `${name}=${bytes.join()}`).join(' ') }
    this.seen = now
    if (now.epoch < seen.epoch || now.noted < seen.noted || now.ledgers.some((epoch, h) => epoch < (seen.ledgers[h] ?? 0))) return 'I4: a fencing number became lower'
    return now.snapshots.startsWith(seen.snapshots) ? null : 'I6: a snapshot has changed'
  }

  /** All are there again, and everything is done until nothing changes. */
  settle(): void {
    for (const host of this.hosts) this.comeBack(host)
    this.store.forgetSilent()
    // What a host has begun shows only after some rounds.
    for (let round = 0, quiet = 0, before = ''; round < 60 && quiet < 4; round += 1) {
      this.progress(3)
      const now = JSON.stringify([this.rows, this.hosts.map(({ serving }) => serving)])
      quiet = now === before ? quiet + 1 : 0
      before = now
    }
  }
  /** What is not as people want it, once all is quiet. */
  unsettled(): string[] {
    const { volume, attachments, pods, size, snapshots } = this.rows
    const serving = this.hosts.flatMap(({ serving: keys }) => keys)
    if (!volume) return [...(this.store.exists && !this.rows.isRemembered ? ['it is removed, and its image is there'] : []), ...serving.map((key) => `${key} has what is removed`)]
    if (volume.purging || (volume.due && attachments.every(({ phase }) => phase === 'Waiting'))) return ['it is deleted for good, and there']
    const active = attachments.filter(({ phase }) => phase !== 'Waiting')
    const asking = attachments.filter(({ podUid, wanted }) => wanted && pods.some(({ uid }) => uid === podUid))
    return [
      ...attachments.filter((one) => !asking.includes(one)).map(({ podUid }) => `${podUid} has not let go`),
      ...active.filter(({ phase }) => phase !== 'Attached').map(({ podUid, phase }) => `${podUid} is ${phase}`),
      ...active.filter(({ podUid, epoch }) => !serving.includes(`${podUid}/${epoch ?? 0}`)).map(({ podUid }) => `${podUid} is attached and has no disk`),
      ...(serving.length > active.length ? [`${serving.join()} have disks, ${active.length} are attached`] : []),
      ...(asking.length > 0 && active.length === 0 && !volume.deleted && this.isPossible(asking.map(({ podUid }) => podUid)) ? ['somebody waits, and nobody has it'] : []),
      ...(volume.revertTo !== null && !volume.deleted ? ['it did not go back'] : []),
      ...(this.rows.kind !== 'file' && volume.stored === 'Ready' && !volume.deleted && (this.rows.storedSize < size || [...snapshots.values()].includes('Asked')) ? ['work is left'] : []),
    ]
  }
  /** Of a disk of one host: a pod there. */
  private isPossible(podUids: readonly string[]): boolean {
    const home = this.rows.volume?.homeHostId ?? null
    return this.rows.pods.some(({ uid, hostId }) => podUids.includes(uid) && (this.rows.kind !== 'file' || home === null || home === hostId))
  }
}

/** What was said is said twice. */
function double<T>(queue: T[]): void {
  const [first] = queue
  if (first !== undefined) queue.unshift(structuredClone(first))
}
