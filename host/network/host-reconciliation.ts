import type { Attachment } from './attachment'
import type { FloatingNetworks } from './floating/floating-networks'
import { externalPortOf } from './floating/floating-way'
import type { HostParts, ReconcileReport } from './host-parts'
import type { KnownObjects } from './known-objects'
import { namespaceName, networkNumberOf, uplinkName } from './names'
import { namespaceNames } from './network-namespace'
import { RunningNetwork } from './running-network'
import type { RunningNetworks } from './running-networks'
import { allDone } from './serial'
import { groupByNetwork, type Failure, type Wanted } from './wanted'
import { fingerprints, type Fingerprint } from './watch/fingerprints'

/** Makes the kernel agree with what this host should have: at the start, at the end, and whenever other programs changed something. */
export class HostReconciliation {
  /** Networks that the last reconciliation could not look at; null before the first. */
  private leftAlone: ReadonlySet<number> | null = null

  /** `uplinkNetns`: the namespace of the uplink and of the bridge; null: this process's. */
  constructor(private readonly networks: RunningNetworks, private readonly parts: HostParts, private readonly floating: FloatingNetworks, private readonly known: KnownObjects, private readonly uplinkNetns: string | null) {}

  /**
   * One look whether other programs changed what was made here, and the repair of it: cheap where nothing was. A network that cannot be repaired
   * does not keep the others from it; the first error is thrown at the end. Not while a reconciliation runs.
   */
  async mend(): Promise<ReconcileReport> {
    const report: ReconcileReport = { repairs: [], lostTaps: [] }
    const { uplink } = this.parts
    const found = await this.look([this.uplinkNetns, ...this.networks.all().map(({ namespace }) => namespace)])
    const host = found.get(this.uplinkNetns)
    const again = async () => (await this.look([this.uplinkNetns])).get(this.uplinkNetns)
    // What is wrong with the host's side costs its own part: neither the addresses of the outside, nor networks their repair.
    const errors: unknown[] = []
    const failed = <T>(none: T) => (error: unknown): T => (errors.push(error), none)
    const { numbers, repairs } = host ? await uplink.check(host, again).catch(failed({ numbers: [], repairs: [] })) : { numbers: [], repairs: [] }
    report.repairs.push(...repairs)
    if (host) report.repairs.push(...await this.parts.external.mend(host, again).catch(failed([])))
    await this.floating.carryOutAll()
    const suspects = [...this.networks.byNumber].filter(([number, network]) => numbers.includes(number) || network.pods.size === 0 || !network.isAsLeft(found.get(network.namespace)))
    await allDone(suspects.map(([number, network]) => this.networks.inTurn(number, async () => {
      // It may have gone since.
      if (this.networks.byNumber.get(number) !== network) return
      if (network.pods.size === 0) return this.end(network, report)
      if (numbers.includes(number)) await uplink.repair(number).then(() => report.repairs.push(`link ${uplinkName(this.parts.hostTag, number)} repaired`), () => undefined)
      await network.mend(async (name) => (await this.look([name])).get(name), report)
    })))
    if (suspects.length > 0) report.repairs.push(...await this.parts.peers.reconcile(new Set(suspects.map(([number]) => number))))
    await this.removeOrphans(report)
    if (errors.length > 0) throw errors[0]
    return report
  }

  /** Removes namespaces of this host tag that no network holds: their removal, or the undo of their making, failed. Before a reconciliation they are those of pods that run. */
  private async removeOrphans(report: ReconcileReport): Promise<void> {
    const { leftAlone } = this
    if (!leftAlone || this.networks.touched) return
    const orphans = (await numbersHere(this.parts.hostTag)).filter((number) => !this.networks.byNumber.has(number) && !leftAlone.has(number))
    await allDone(orphans.map((number) => this.networks.inTurn(number, async () => {
      // One whose first pod came meanwhile is none.
      if (!this.networks.byNumber.has(number)) await this.end(new RunningNetwork({ id: '', number, outbound: 'none' }, this.parts), report)
    })))
  }

  private async end(network: RunningNetwork, report: ReconcileReport): Promise<void> {
    await this.networks.end(network)
    report.repairs.push(`namespace ${network.namespace} removed`)
  }

  private look(names: readonly (string | null)[]): Promise<Map<string | null, Fingerprint>> {
    return fingerprints(this.parts.run, names)
  }

  /**
   * Brings this host to exactly these attachments, and says what that took and which networks could not be. Throws an Error while another one runs.
   */
  async bringTo(desired: readonly Attachment[]): Promise<{ report: ReconcileReport; failures: Failure[] }> {
    if (this.networks.touched) throw new Error('a reconciliation is running already')
    const { wanted, failures } = groupByNetwork(desired, this.parts.uids)
    this.networks.touched = new Set()
    const report: ReconcileReport = { repairs: [], lostTaps: [] }
    try {
      const here = await numbersHere(this.parts.hostTag)
      const outbound = [...wanted.values()].filter(({ spec }) => (this.known.of(spec.id)?.network?.outbound ?? spec.outbound) === 'nat').map(({ spec }) => spec.number)
      const leftAlone = new Set(failures.map(({ number }) => number))
      // What must not be answered for any more goes also where the way out of networks cannot be taken up.
      const uplink = await this.parts.uplink.adopt(new Set([...outbound, ...leftAlone])).then(() => null, (error: unknown) => ({ error }))
      this.parts.external.adopt([...wanted.values()].flatMap(({ spec, pods }) => {
        const addresses = this.floating.of(spec.id).filter(({ podUid }) => pods.has(podUid))
        return addresses.length === 0 ? [] : [externalPortOf(this.parts.hostTag, spec.number, namespaceName(this.parts.hostTag, spec.number), addresses)]
      }))
      await this.parts.external.reconcile().then((repairs) => report.repairs.push(...repairs), (error: unknown) => this.parts.log.error({ err: error }, 'the bridge of the outside could not be made right; the next look tries again'))
      if (uplink) throw uplink.error
      const numbers = [...new Set([...here, ...wanted.keys(), ...this.networks.byNumber.keys()])].filter((number) => !leftAlone.has(number))
      await Promise.all(numbers.map((number) => this.networks.inTurn(number, () => this.reconcileNetwork(number, wanted.get(number), report)).catch((error: unknown) => failures.push({ number, error }))))
      report.repairs.push(...await this.parts.peers.reconcile('all'))
      await this.remember()
      this.leftAlone = leftAlone
    } finally {
      this.networks.touched = null
    }
    return { report, failures }
  }

  /** What others change from now on is seen. */
  private async remember(): Promise<void> {
    const all = this.networks.all()
    const found = all.length === 0 ? new Map<string | null, Fingerprint>() : await this.look(all.map(({ namespace }) => namespace))
    for (const network of all) {
      const fingerprint = found.get(network.namespace)
      if (fingerprint) network.isRepaired(fingerprint)
    }
  }

  private async reconcileNetwork(number: number, wanted: Wanted | undefined, report: ReconcileReport): Promise<void> {
    const known = this.networks.byNumber.get(number)
    const pods = this.merge(known, wanted)
    const spec = wanted?.spec ?? known?.identity
    for (const uid of known?.pods.keys() ?? []) if (!pods.has(uid)) this.networks.numberOfPod.delete(uid)
    if (!spec || pods.size === 0) {
      return this.end(known ?? new RunningNetwork(spec ?? { id: '', number, outbound: 'none' }, this.parts), report)
    }
    const network = known ?? new RunningNetwork(spec, this.parts)
    this.networks.byNumber.set(number, network)
    for (const uid of pods.keys()) this.networks.numberOfPod.set(uid, number)
    if (!known && !this.known.of(spec.id) && !this.known.isClosed(spec.id) && await network.hasPolicies()) {
      this.known.close(spec.id)
      this.parts.log.error({ network: spec.id }, 'a network had policies that are not known any more: its pods reach nothing until the server says them again')
    }
    await network.reconcile(spec, pods, report)
  }

  /** The pods a network should have: as desired, but for those attached or detached since that was written down. */
  private merge(known: RunningNetwork | undefined, wanted: Wanted | undefined): Map<string, Attachment> {
    const touched = (uid: string) => this.networks.touched?.has(uid) ?? false
    return new Map([
      ...[...wanted?.pods ?? []].filter(([uid]) => !touched(uid)),
      ...[...known?.pods ?? []].filter(([uid]) => touched(uid)),
    ])
  }
}

async function numbersHere(hostTag: string): Promise<number[]> {
  return (await namespaceNames()).flatMap((name) => networkNumberOf(hostTag, name) ?? [])
}
