import type { Serial } from '@/host/network/serial'
import type { PodVm } from './vms'

/** Works once it is its turn in each of these, which wait meanwhile. Whoever needs several names them in the same order, or two would wait for each other. */
export async function inAll<T>([first, ...rest]: readonly Serial[], work: () => Promise<T>): Promise<T> {
  return first ? first.do(() => inAll(rest, work)) : work()
}

/** Works while none of these VMs runs: nobody has one go on before it is over, also where it fails. */
export async function whileHeld(vms: readonly PodVm[], work: () => Promise<void>): Promise<void> {
  const held: PodVm[] = []
  try {
    for (const vm of vms) {
      // One that does not answer may stand still all the same.
      held.push(vm)
      await vm.hold()
    }
    await work()
  } finally {
    await releaseAll(held)
  }
}

/** Each goes on, whatever becomes of the others; one that does not is ended: nobody else would have it go on. */
async function releaseAll(held: readonly PodVm[]): Promise<void> {
  const results = await Promise.allSettled(held.map((vm) => vm.release().catch(async (error: unknown) => {
    await vm.end()
    throw error
  })))
  const failed = results.find(({ status }) => status === 'rejected')
  if (failed?.status === 'rejected') throw failed.reason
}
