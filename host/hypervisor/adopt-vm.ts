import { VmError } from './machine'
import { isRunning, killProcess, processesOf, waitUntilGone } from './process-identity'
import { QmpClient } from './qmp'
import { RunningVm } from './running-vm'
import { qmpSocket, removeVmFolder } from './start-qemu'
import type { TemplateStore } from './templates/template-store'
import { isWithin, placeOf, vmPlaceOf } from './vm-place'
import type { VmRecord } from './vm-record'

/**
 * Takes up a VM that an earlier run of the agent started. Null when it does not run any more, or does not answer and was
 * killed; then nothing of it is left.
 */
export async function adoptVm(record: VmRecord, templates: TemplateStore): Promise<RunningVm | null> {
  if (!(await isRunning(record.process, record.uid))) {
    await removeVmFolder(record.runDir, record.cgroups)
    return null
  }
  try {
    const qmp = await QmpClient.connect(qmpSocket(record.runDir))
    const lease = record.copy === null ? null : await templates.adopt(record.copy)
    return new RunningVm(record, qmp, lease, null)
  } catch {
    await removeVm(record)
    return null
  }
}

/**
 * Ends the VM of a pod, whether or not its monitor answers or a record of it was ever written, and removes its folder: all
 * processes of its user, which no other pod of this host has. Another agent on the machine may have given out the same
 * number: its VMs, which lie in other folders, are left alone. Throws VmError when a process stays.
 */
export async function removeVm({ uid, runDir, process, cgroups = [] }: Pick<VmRecord, 'uid' | 'runDir'> & Partial<Pick<VmRecord, 'process' | 'cgroups'>>): Promise<void> {
  const ours = await placeOf(runDir)
  for (const identity of await processesOf(uid)) {
    const place = await vmPlaceOf(identity.pid)
    const recorded = identity.pid === process?.pid && identity.startTicks === process.startTicks
    if (place && !isWithin(place, ours) && !recorded) continue
    await killProcess(identity)
    if (!(await waitUntilGone(identity, 15_000))) throw new VmError(`process ${identity.pid} cannot be killed`)
  }
  await removeVmFolder(runDir, cgroups)
}
