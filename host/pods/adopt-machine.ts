import type { Guest, Machine, PodIdentity } from './ports'
import type { StartPorts } from './start-machine'
import { untilItGoesOn } from './stopped-machine'

const adoptWithinMs = 20_000

/** `cause`: why there is none to take up, in words for the tenant; `error`: what was thrown, if anything. */
export type Adopted = { machine: Machine; guest: Guest } | { cause: string; error: unknown }

/** Takes up the VM that an earlier run of the agent left, with its guest, its addresses and its volumes. Never rejects: a VM that does not answer is to be ended. */
export async function adoptMachine({ machines, clock, guests, volumes }: StartPorts, pod: PodIdentity, record: unknown, signal: AbortSignal): Promise<Adopted> {
  let cause = 'it ended while the host agent was not running'
  try {
    const machine = await machines.adopt(pod, record)
    if (!machine) return { cause, error: null }
    await untilItGoesOn(machine, clock, signal)
    cause = 'its guest agent did not answer after the host agent was started again'
    const guest = await machine.connect(AbortSignal.timeout(adoptWithinMs))
    if (guest.isSetUp) {
      guests?.serve(pod.uid, guest, false)
      volumes?.up(pod.uid, machine, guest, true)
      return { machine, guest }
    }
    guest.close()
    return { cause, error: null }
  } catch (error) {
    return { cause, error }
  }
}
