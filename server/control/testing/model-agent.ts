import { randomUUID } from 'node:crypto'
import type { ReportInput } from '@/contracts/host/v1'
import { Reporter } from '@/host/control/reporter'
import { ledgerEntry, type LedgerEntry } from '@/host/ledger/entry'
import { PodSet } from '@/host/pods/pod-set'
import { PodWorker } from '@/host/pods/pod-worker'
import type { FakeHost } from '@/host/pods/testing/fake-host'

/** A host agent of the model: the real pods' workers and the real reporter, on a machine of fakes that outlives it. */
export class ModelAgent {
  readonly bootId = randomUUID()
  readonly pods: PodSet
  readonly reporter: Reporter
  /** The accounts of VMs that are given out. */
  readonly uids = new Set<number>()
  private isDead = false

  constructor(private readonly machine: FakeHost) {
    const ports = { images: this.alive(machine.images), network: this.alive(machine.network), machines: this.alive(machine.machinePort), gate: machine.ports.gate, clock: machine.clock }
    const ledger = this.alive({ save: (entry: LedgerEntry) => machine.ledgerPort.save(entry), remove: (uid: string) => machine.ledgerPort.remove(uid) })
    this.pods = new PodSet((assignment, found, hooks) => new PodWorker({ ports, ledger, vmUids: this.uidPool, logs: this.alive(machine.podLogs(assignment.uid)), log: { warn: () => {} }, ...hooks }, assignment, found))
    this.reporter = new Reporter(this.bootId, this.pods, 0)
    this.pods.listen(this.reporter)
    // As the ledger's file is read: what stands there has been JSON.
    const entries = [...machine.ledger.values()].map((entry) => ledgerEntry.parse(JSON.parse(JSON.stringify(entry))))
    for (const { vmUid } of entries) this.uids.add(vmUid)
    this.pods.adopt(entries)
  }

  private readonly uidPool = {
    take: () => {
      let uid = 1_000
      while (this.uids.has(uid)) uid += 1
      this.uids.add(uid)
      return uid
    },
    giveBack: (uid: number) => void this.uids.delete(uid),
  }

  attach(send: (report: ReportInput) => Promise<void>): void {
    this.reporter.attach(send)
  }

  /** As SIGKILL: nothing of it does anything any more, and what runs on the machine goes on. */
  kill(): void {
    this.isDead = true
    this.reporter.detach()
    for (const machine of this.machine.machines.values()) machine.leave()
  }

  /** The port, until the agent is dead: from then on nothing is done and nothing comes back. */
  private alive<T extends object>(port: T): T {
    const never = new Promise<never>(() => {})
    return new Proxy(port, {
      get: (target, name) => {
        const value: unknown = Reflect.get(target, name, target)
        if (typeof value !== 'function') return value
        return async (...args: unknown[]): Promise<unknown> => {
          if (this.isDead) return never
          try {
            const result: unknown = await Reflect.apply(value, target, args)
            return this.isDead ? await never : result
          } catch (error) {
            if (this.isDead) return never
            throw error
          }
        }
      },
    })
  }
}
