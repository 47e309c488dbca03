import type { HostParts, ReconcileReport } from './host-parts'
import { uplinkName } from './names'
import type { NetworkState } from './network-state'
import type { TenantNamespace } from './tenant-namespace'

/** The network that the way belongs to; `undo` never throws. */
export type UplinkNetwork = { namespace: string; inside: TenantNamespace; state: () => NetworkState; undo: (step: () => Promise<void>) => Promise<void> }

/** One network's link towards the host, by which it reaches the outside: there while its `outbound` is `nat`. Its caller runs one method at a time. */
export class UplinkWay {
  constructor(private readonly network: UplinkNetwork, private readonly host: Pick<HostParts, 'hostTag' | 'uplink' | 'peers'>) {}

  /** Brings the namespace to this state, and the link to what it says of it. Throws ExecError. */
  async switchTo(state: NetworkState): Promise<void> {
    const { uplink } = this.host
    const connected = uplink.isConnected(state.number)
    if (state.outbound === 'nat' && !connected) return this.open(state.number)
    await this.network.inside.change(state)
    await this.host.peers.apply(state)
    // The rules first: from then on nothing leaves, whatever becomes of the link.
    if (state.outbound === 'none' && connected) await uplink.disconnect(state.number)
  }

  /** The link, whose inner end is there or not, as `outbound` says. Throws ExecError. */
  async reconcile(innerEnd: boolean, report: ReconcileReport): Promise<void> {
    const { uplink, hostTag } = this.host
    const { number, outbound } = this.network.state()
    if (outbound === 'none') return uplink.disconnect(number)
    const outerEnd = uplink.isConnected(number)
    if (outerEnd && innerEnd) return uplink.repair(number)
    if (outerEnd) await uplink.disconnect(number)
    await uplink.connect(number, this.network.namespace)
    report.repairs.push(`link ${uplinkName(hostTag, number)} made`)
  }

  private async open(number: number): Promise<void> {
    const { uplink } = this.host
    try {
      await uplink.connect(number, this.network.namespace)
      const state = this.network.state()
      await this.network.inside.change(state)
      await this.host.peers.apply(state)
    } catch (error) {
      await this.network.undo(() => uplink.disconnect(number))
      throw error
    }
  }
}
