import { replayGraph } from '@/host/volumes/open-image'
import { allowFileSize } from './file-size-limit'
import { giveFiles } from './give-files'
import type { QmpClient } from './qmp'
import { makeReplayFile } from './replay-file'
import { labelOf } from './volume-files'
import type { VmRecord } from './vm-record'

/**
 * Lays a file that is thrown away over the disk `serial`, which QEMU has open for reading alone. All such files of a VM take no more of its host than its scratch disk may: false where there is no room for another, and
 * the disk stays one that nobody can write. Throws what QEMU says.
 */
export async function openReplay(qmp: QmpClient, vm: Pick<VmRecord, 'runDir' | 'uid' | 'process' | 'scratch'>, serial: string, diskBytes: number, timeoutMs: number): Promise<boolean> {
  const file = await makeReplayFile(vm.runDir, serial, diskBytes, vm.scratch?.bytes ?? 0)
  if (!file) return false
  const { path, bytes } = file
  const [[set = -1]] = await Promise.all([giveFiles(vm.runDir, [[{ path, access: 'write', label: labelOf(serial, { id: 'replay' }, 'rw') }]]), allowFileSize(vm, bytes)])
  await qmp.command('blockdev-add', replayGraph(serial, { set, bytes }), { timeoutMs })
  return true
}
