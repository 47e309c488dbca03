import { access } from 'node:fs/promises'
import type { Logger } from '@/platform/logger'
import type { NetworkSpec, PodPort, UidRange } from './attachment'
import { NetworkNamespaceKernel, type Run } from './kernel'
import { namespaceName, tapName, UPLINK_IN_NAMESPACE, uplinkName } from './names'
import { allDone } from './serial'
import { outboundCommands, TenantNamespace, type Desired, type DeviceKind } from './tenant-namespace'
import type { Uplink } from './uplink'

/** Where the kernel keeps named network namespaces. */
export const NAMESPACES = '/run/netns'

/** What all networks of one host share. */
export type HostParts = { hostTag: string; uids: UidRange; deviceKind: DeviceKind; uplink: Uplink; run: Run; log: Logger }

/** What a reconciliation changed, for the log, and the pods whose tap had to be made anew: their QEMU holds a dead one. */
export type ReconcileReport = { repairs: string[]; lostTaps: string[] }

/**
 * One tenant network on this host. Its caller runs one method at a time. A method that throws leaves nothing
 * behind that the network did not have before.
 */
export class RunningNetwork {
  readonly pods = new Map<string, PodPort>()
  readonly namespace: string
  private readonly inside: TenantNamespace

  constructor(public spec: NetworkSpec, private readonly host: HostParts) {
    this.namespace = namespaceName(host.hostTag, spec.number)
    this.inside = new TenantNamespace(new NetworkNamespaceKernel(this.namespace, host.run), host.uids, host.deviceKind)
  }

  /** Makes the namespace with its first pod. One that is there already may hold running pods: it is left alone, and reconciliation adopts it. `onTap`: the pod's tap is there. */
  async create(pod: PodPort, onTap: () => void): Promise<void> {
    const { uplink, run } = this.host
    const { number, outbound } = this.spec
    await run('ip', ['netns', 'add', this.namespace])
    this.pods.set(pod.uid, pod)
    try {
      await allDone([this.makeTap(pod, onTap), outbound === 'nat' ? uplink.reserve(number) : null])
      const desired = this.desired()
      await allDone([this.inside.applyRules(desired), outbound === 'nat' ? uplink.connect(number, this.namespace) : null])
      await this.inside.kernel.ipBatch([...this.inside.baseCommands(desired), ...this.inside.podCommands(this.spec, pod)])
    } catch (error) {
      await this.undo(() => this.destroy())
      throw error
    }
  }

  private async makeTap(pod: PodPort, onTap: () => void): Promise<void> {
    await this.inside.applySettings()
    await this.inside.kernel.ipBatch(this.inside.addDeviceCommands(pod))
    onTap()
  }

  /** Adds a pod to the namespace, which is there; `onTap`: its tap is. Throws an Error when its address, MAC or tap is another's. */
  async add(pod: PodPort, onTap: () => void): Promise<void> {
    refuseClash(this.spec, this.pods.values(), pod)
    this.pods.set(pod.uid, pod)
    try {
      // In parallel: until the rules know the tap, they drop what comes from it.
      await allDone([
        this.inside.applyRules(this.desired()),
        this.inside.kernel.ipBatch([...this.inside.addDeviceCommands(pod), ...this.inside.podCommands(this.spec, pod)]).then(onTap),
      ])
    } catch (error) {
      await this.undo(() => this.remove(pod.uid))
      throw error
    }
  }

  /** Takes a pod out, and with the last one the namespace. */
  async remove(podUid: string): Promise<void> {
    this.pods.delete(podUid)
    if (this.pods.size === 0) return this.destroy()
    await allDone([this.inside.kernel.ipBatchForced([`link delete ${tapName(podUid)}`]), this.inside.applyRules(this.desired())])
  }

  /** Applies a changed `outbound`. Throws an Error for another change: those need the network to be empty. */
  async change(spec: NetworkSpec): Promise<void> {
    const { id, cidr, gateway, number, outbound } = this.spec
    if (id !== spec.id) throw new Error(`network number ${number} is held by network ${id}, not ${spec.id}`)
    if (cidr !== spec.cidr || gateway !== spec.gateway) throw new Error(`network ${number} runs with ${cidr} and gateway ${gateway}; neither changes while pods are in it`)
    if (outbound === spec.outbound) return
    await (spec.outbound === 'nat' ? this.openOutbound(spec) : this.closeOutbound(spec))
    this.spec = spec
  }

  /** Removes the namespace and all in it, also while a process still runs there. */
  async destroy(): Promise<void> {
    const { uplink, run } = this.host
    this.pods.clear()
    await uplink.disconnect(this.spec.number)
    if (!await access(`${NAMESPACES}/${this.namespace}`).then(() => true, () => false)) return
    const links = await this.inside.kernel.links().catch(() => [])
    // A process in the namespace keeps it alive without a name; its links must not live on with it.
    await this.inside.kernel.ipBatchForced(links.filter((link) => link.ifname !== 'lo').map((link) => `link delete ${link.ifname}`))
    await run('ip', ['netns', 'delete', this.namespace])
  }

  /** Makes the kernel agree with `spec` and these pods, and reports what that took. */
  async reconcile(spec: NetworkSpec, pods: ReadonlyMap<string, PodPort>, report: ReconcileReport): Promise<void> {
    const { run } = this.host
    this.spec = spec
    this.pods.clear()
    for (const [uid, pod] of pods) this.pods.set(uid, pod)
    const links = await this.inside.kernel.links().catch(() => null)
    if (!links) {
      // A name may be left that leads to no namespace.
      await run('ip', ['netns', 'delete', this.namespace]).catch(() => undefined)
      await run('ip', ['netns', 'add', this.namespace])
      report.repairs.push(`namespace ${this.namespace} made`)
    }
    await this.reconcileUplink(links?.some((link) => link.ifname === UPLINK_IN_NAMESPACE) ?? false, report)
    const { repairs, lostTaps } = await this.inside.repair(this.desired())
    report.repairs.push(...repairs.map((line) => `${this.namespace}: ${line}`))
    report.lostTaps.push(...lostTaps)
  }

  private async reconcileUplink(innerEnd: boolean, report: ReconcileReport): Promise<void> {
    const { uplink, hostTag } = this.host
    const { number, outbound } = this.spec
    if (outbound === 'none') return uplink.disconnect(number)
    const outerEnd = uplink.isConnected(number)
    if (outerEnd && innerEnd) return uplink.repair(number)
    if (outerEnd) await uplink.disconnect(number)
    await uplink.connect(number, this.namespace)
    report.repairs.push(`link ${uplinkName(hostTag, number)} made`)
  }

  private async openOutbound(spec: NetworkSpec): Promise<void> {
    const { uplink } = this.host
    try {
      await uplink.connect(spec.number, this.namespace)
      await this.inside.kernel.ipBatch(outboundCommands())
      await this.inside.applyRules(this.desired(spec))
    } catch (error) {
      await this.undo(() => uplink.disconnect(spec.number))
      throw error
    }
  }

  private async closeOutbound(spec: NetworkSpec): Promise<void> {
    // The rules first: from then on nothing leaves, whatever becomes of the link.
    await this.inside.applyRules(this.desired(spec))
    await this.host.uplink.disconnect(spec.number)
  }

  private desired(spec: NetworkSpec = this.spec): Desired {
    return { network: spec, transit: spec.outbound === 'nat' ? this.host.uplink.transit(spec.number) : null, pods: [...this.pods.values()] }
  }

  /** The first failure is the one to report; what its undo could not do, the next reconciliation does. */
  private async undo(step: () => Promise<void>): Promise<void> {
    await step().catch((error: unknown) => this.host.log.error({ err: error, network: this.spec.number }, 'an undo failed; the next reconciliation completes it'))
  }
}

/** Throws an Error that names the pod which holds the address, MAC or tap already. */
export function refuseClash(spec: NetworkSpec, others: Iterable<PodPort>, pod: PodPort): void {
  for (const other of others) {
    if (other.address === pod.address) throw new Error(`address ${pod.address} of network ${spec.number} is held by pod ${other.uid}`)
    if (other.mac === pod.mac) throw new Error(`MAC address ${pod.mac} of network ${spec.number} is held by pod ${other.uid}`)
    if (tapName(other.uid) === tapName(pod.uid)) throw new Error(`tap ${tapName(pod.uid)} is held by pod ${other.uid}`)
  }
}
