import { StorageNamespace } from '@/host/network/storage-namespace'
import { Lab } from '@/host/network/testing/lab'
import type { Cleanup } from '@/tools/testing/cleanup'
import type { ShellVms } from './acknowledged-writer'
import { TestCeph } from './ceph'

/** A cluster, and the network of a host by which its VMs reach that (`VmRequest.storage`). */
export async function openCephForVms(cleanup: Cleanup, vms: ShellVms): Promise<{ ceph: TestCeph; storage: string }> {
  const lab = await cleanup.open('the lab', Lab.create(), (one) => one.destroy())
  const ceph = await cleanup.open('Ceph', TestCeph.start({ wire: { from: lab.host, there: '198.51.100.2', here: '198.51.100.1' } }), (one) => one.stop())
  const { uid } = await vms.host.request(0)
  const storage = new StorageNamespace({ hostTag: lab.hostTag, uids: { first: uid, last: uid + 255 }, uplinkNetns: lab.host, log: { warn: () => {} } })
  cleanup.add('the network of stores', () => storage.remove())
  await storage.reach([`${ceph.address}/32`])
  return { ceph, storage: storage.name }
}
