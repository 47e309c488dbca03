import { isRunning, killProcess, waitUntilGone } from './process-identity'
import { QmpClient } from './qmp'
import { RunningVm } from './running-vm'
import { qmpSocket, removeVmFolder } from './start-qemu'
import type { TemplateStore } from './templates/template-store'
import type { VmRecord } from './vm-record'

/**
 * Takes up a VM that an earlier run of the agent started. Null when it does not run any more, or does not answer and was
 * killed; then nothing of it is left.
 */
export async function adoptVm(record: VmRecord, templates: TemplateStore): Promise<RunningVm | null> {
  if (!(await isRunning(record.process, record.uid))) {
    await removeVmFolder(record.runDir)
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

/** Ends the VM of a record, whether or not its monitor answers, and removes its folder. Throws when its process stays. */
export async function removeVm(record: VmRecord): Promise<void> {
  if (await isRunning(record.process, record.uid)) await killProcess(record.process)
  if (!(await waitUntilGone(record.process, 15_000))) throw new Error(`process ${record.process.pid} cannot be killed`)
  await removeVmFolder(record.runDir)
}
