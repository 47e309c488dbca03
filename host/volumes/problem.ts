import { GuestRefusal } from '@/host/pods/ports'
import { volumeMethods } from '@/contracts/guest/v1/volumes'
import { isFinalReason } from '@/domain/volume/final-reasons'
import { storeTrouble } from '@/domain/volume/store-trouble'
import { VmError } from '@/host/hypervisor/machine'
import type { Step } from './plan'
import { VolumeError } from './store'

/** What is wrong, for the tenant: `reason` is one word. `isFinal`: it stays so until somebody does something. */
export type Problem = { reason: string; message: string; isFinal: boolean }

/** An event's type, reason and message. `cause`: as the guest says it. */
export const notWrittenOut = (volume: string, cause: string): ['Warning', string, string] => ['Warning', 'VolumeNotWrittenOut', `The volume "${volume}" was taken out of the pod, and some of what the pod's programs wrote was not written to it, for writes to it had failed: ${cause}. Look whether its files are as they should be, and write anew what is missing, or restore a snapshot of before; make room in its store where it was full.`]

/** How QEMU says it. */
const noPlace = 'PCI: no slot/function available'
const again = 'It is tried again. If it goes on, the operator finds the cause in the host\'s log.'

/** What was done with a volume by a step, for {@link problemOf}. */
export const whatOf: Record<Step['do'], string> = {
  ...{ note: 'written down', look: 'found', create: 'made', claim: 'claimed', revert: 'brought back to its snapshot', grow: 'grown', flatten: 'made independent of its snapshot', purge: 'removed', letGo: 'let go', wait: '', lost: 'found' },
  ...{ takeUp: 'taken up', attach: "given to the pod's virtual machine", detach: "taken away from the pod's virtual machine", growOpen: 'grown', limit: 'limited', mount: 'mounted into the running containers' },
}

/** What failed, in the tenant's words: the cause itself may name what is the host's. `what`: what was done with the volume. Null: it was called off. */
export function problemOf(error: unknown, what: string): Problem {
  const known = (reason: string, message: string): Problem => ({ reason, message, isFinal: isFinalReason(reason) })
  if (error instanceof VolumeError) return known(error.code, error.isOperators ? storeTrouble(error.code) : error.message)
  if (error instanceof GuestRefusal) {
    if (error.code === 'InvalidRequest' && error.about === 'addVolumeDevice') return known('RestartNeeded', "The agent in the pod's virtual machine is of an earlier version, which gives block devices to containers as they start alone. Detach the volume, and create the pod anew with it in its spec.")
    if (error.code === 'InvalidRequest' && error.about in volumeMethods) return known('RestartNeeded', "The agent in the pod's virtual machine is of an earlier version, which knows no volumes. Create the pod anew.")
    return known(error.code, `The pod's virtual machine refused the volume: ${error.message}.`)
  }
  if (error instanceof VmError && error.message.includes('create the pod anew')) return known('RestartNeeded', `The volume cannot come into the pod while it runs: ${error.message}.`)
  if (error instanceof VmError && error.message.includes(noPlace)) return known('TooManyDisks', "The pod's virtual machine has no room for another disk: images of its containers and volumes together are as many as it can have. Detach a volume from the pod, or create it anew with fewer; it is tried again.")
  return known('VolumeStalled', `The volume could not be ${what}. ${again}`)
}
