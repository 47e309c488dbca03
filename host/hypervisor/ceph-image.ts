import { randomBytes } from 'node:crypto'
import { open, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { rbdGraph, secretId, secretOf, type Access } from '@/host/volumes/open-image'
import type { RbdOptions } from '@/host/volumes/store'
import { VmError } from './machine'
import { QmpRefusal, type QmpClient } from './qmp'
import { vmFolder } from './start-qemu'

/** An image of Ceph. `secret` gives its user's key, in base64 as Ceph writes it. */
export type CephImage = { options: RbdOptions; secret: () => Promise<string> }

const name = 'ceph.conf'
/** As QEMU sees it, which has nothing of the host's but its folder. */
const configuration = `/vm/${name}`

/**
 * Seconds until QEMU says that a monitor does not answer, in which its VM stands still. No log, no socket of its own: there is no place for them. One thread, and not two, carries on what has come back of an image:
 * two hand each request to and fro, and one keeps up with whatever QEMU's own thread can (adr/0060).
 */
export const cephConfiguration = ['[global]', 'client_mount_timeout = 10', 'rados_mon_op_timeout = 10', 'librados_thread_count = 1', 'log_file =', 'log_to_stderr = false', 'admin_socket =', 'crash_dir =', ''].join('\n')

/** Root's, in the VM's folder, which is root's once its sockets stand: QEMU reads it and changes nothing of it. No key is in it. */
async function writeConfiguration(runDir: string): Promise<void> {
  const file = join(vmFolder(runDir), name)
  const made = `${file}.${randomBytes(4).toString('hex')}`
  try {
    const handle = await open(made, 'wx', 0o644)
    try {
      await handle.writeFile(cephConfiguration)
    } finally {
      await handle.close()
    }
    await rename(made, file)
  } catch (error) {
    await rm(made, { force: true })
    throw error
  }
}

/** Has QEMU open an image of Ceph below its throttle node. The key is spoken on the monitor alone, and taken back at once. What there is of it when it fails is taken away by {@link VolumeDisks}. */
export async function openCephImage(qmp: QmpClient, runDir: string, serial: string, { options, secret }: CephImage, access: Pick<Access, 'readOnly'>, timeoutMs: number): Promise<void> {
  await writeConfiguration(runDir)
  await qmp.command('object-add', secretOf(serial, await secret()))
  try {
    await qmp.command('blockdev-add', rbdGraph(serial, options, access, configuration), { timeoutMs })
  } catch (error) {
    throw error instanceof QmpRefusal && /unknown driver|rbd.*not supported/i.test(error.message) ? new VmError('this host cannot open volumes in Ceph, for it lacks a Debian package: apt-get install qemu-block-extra', { cause: error }) : error
  } finally {
    await qmp.command('object-del', { id: secretId(serial) })
  }
}

export const noWayToStorage = (): VmError => new VmError('this VM was started without a way to the stores of volumes on the network: create the pod anew, with the volume in its spec')
