import type { Clock } from './clock'
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
    cause = 'its guest agent did not answer after the host agent was started again'
    const guest = await connected(machine, clock, signal)
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

/** A VM may come to stand still, again, while its guest is asked. */
async function connected(machine: Machine, clock: Clock, signal: AbortSignal): Promise<Guest> {
  for (;;) {
    await untilItGoesOn(machine, clock, signal)
    try {
      return await machine.connect(AbortSignal.timeout(adoptWithinMs))
    } catch (error) {
      if (signal.aborted || !(await machine.volumes.isStopped().catch(() => false))) throw error
    }
  }
}
