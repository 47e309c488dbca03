import type { PodPort } from './attachment'
import type { RunningNetwork } from './running-network'
import { SerialByKey } from './serial'

/** The networks that are on this host, and which of them each pod is in. Work of one network is done in turn, that of different ones side by side. */
export class RunningNetworks {
  readonly byNumber = new Map<number, RunningNetwork>()
  readonly numberOfPod = new Map<string, number>()
  /** Pods attached or detached while a reconciliation runs: its desired set is older than they are. Null while none runs. */
  touched: Set<string> | null = null
  private readonly serial = new SerialByKey<number>()

  /** Runs the task after all earlier ones of this network number. */
  inTurn<T>(number: number, task: () => Promise<T>): Promise<T> {
    return this.serial.do(number, task)
  }

  all(): RunningNetwork[] {
    return [...this.byNumber.values()]
  }

  ofId(networkId: string): RunningNetwork | undefined {
    return this.all().find(({ identity }) => identity.id === networkId)
  }

  /** A pod's NIC on this host, or null where it is not attached. */
  portOf(podUid: string): PodPort | null {
    const number = this.numberOfPod.get(podUid)
    return number === undefined ? null : this.byNumber.get(number)?.pods.get(podUid)?.pod ?? null
  }

  /** Removes what a network has here, in its turn; only then it is forgotten. */
  async end(network: RunningNetwork): Promise<void> {
    await network.destroy()
    this.byNumber.delete(network.identity.number)
  }
}
