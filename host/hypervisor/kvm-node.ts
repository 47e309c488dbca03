import { chmod, mkdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { run } from '@/platform/exec'

const permissions = 0o666

/**
 * A second node of /dev/kvm that VMs' users may open, in a folder only root can enter: the machine's own keeps its mode.
 * Each VM's start puts it over /dev/kvm, for that VM alone. Null where the machine has no KVM.
 */
export async function prepareKvmNode(dir: string): Promise<string | null> {
  const device = await stat('/dev/kvm').catch(() => undefined)
  if (!device?.isCharacterDevice()) return null
  await mkdir(dir, { recursive: true, mode: 0o700 })
  await chmod(dir, 0o700)
  const node = join(dir, 'kvm')
  await rm(node, { force: true })
  const major = (device.rdev >> 8) & 0xfff
  const minor = (device.rdev & 0xff) | ((device.rdev >> 12) & 0xfff00)
  await run('mknod', ['-m', permissions.toString(8), node, 'c', String(major), String(minor)])
  return node
}
