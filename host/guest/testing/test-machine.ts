import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { copyFile, mkdir, mkdtemp, readFile, rm, symlink, truncate, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { agentPortName, guestKernelArguments, imageSerial, scratchSerial } from '@/contracts/guest/v1/machine'
import { buildGuestImage } from '@/guest/image/build'
import { packageRoot } from '@/guest/image/package-root'
import { processors } from '@/host/hypervisor/arguments'
import { run } from '@/platform/exec'

const cache = join(import.meta.dirname, '../../node_modules/.cache/hypernetes-guest')
const applets = ['sh', 'ls', 'cat', 'echo', 'sleep', 'yes', 'dd', 'id', 'env', 'pwd', 'tty', 'stty', 'hostname', 'head', 'wc', 'kill', 'ps', 'mount', 'uname', 'touch', 'true', 'seq', 'tr', 'ip', 'df', 'tail', 'grep', 'md5sum', 'cut', 'ln', 'mkdir', 'rm', 'unshare', 'date', 'find', 'nc', 'stat', 'readlink', 'cmp', 'sync', 'blockdev']

/** A VM under software emulation for tests: the built guest image, a busybox image and a scratch disk, and nothing of the host's other parts. */
export interface TestMachine {
  socketPath: string
  /** QEMU's monitor, for disks that come and go. */
  monitorPath: string
  console(): Promise<string>
  /** Resolves when QEMU has ended by itself. */
  ended: Promise<void>
  stop(): Promise<void>
}

/** Makes the image in a folder and returns its path. */
export async function busyboxImage(folder: string): Promise<string> {
  const root = join(folder, 'image')
  for (const part of ['bin', 'etc', 'tmp', 'home/app']) await mkdir(join(root, part), { recursive: true })
  await copyFile(join(await packageRoot(cache, () => {}), 'bin/busybox'), join(root, 'bin/busybox'))
  for (const applet of applets) await symlink('busybox', join(root, 'bin', applet))
  await writeFile(join(root, 'etc/passwd'), 'root:x:0:0:root:/root:/bin/sh\napp:x:1000:1001:app:/home/app:/bin/sh\n')
  await writeFile(join(root, 'etc/group'), 'root:x:0:\napp:x:1001:\nextra:x:1005:app\n')
  await writeFile(join(root, 'etc/plain'), 'not a program\n')
  await symlink('/proc', join(root, 'etc/kernel'))
  const file = join(folder, 'image.squashfs')
  await run('mksquashfs', [root, file, '-quiet', '-no-progress', '-all-root'])
  return file
}

async function scratchDisk(folder: string): Promise<string> {
  const file = join(folder, 'scratch.ext4')
  await writeFile(file, '')
  await truncate(file, 256 * 1024 * 1024)
  await run('/sbin/mkfs.ext4', ['-q', '-F', file])
  return file
}

function disk(id: string, serial: string, file: string, readOnly: boolean): string[] {
  const blockdev = { driver: 'raw', 'node-name': id, 'read-only': readOnly, file: { driver: 'file', filename: file } }
  return ['-blockdev', JSON.stringify(blockdev), '-device', `virtio-blk-pci,drive=${id},serial=${serial}`]
}

/** Builds what is missing and boots; the agent may still be coming up when this resolves. */
export async function startTestMachine(): Promise<TestMachine> {
  const guest = await buildGuestImage({ outDir: cache })
  const folder = await mkdtemp(join(tmpdir(), 'hypernetes-guest-'))
  const socketPath = join(folder, 'agent.sock')
  const consolePath = join(folder, 'console')
  const monitorPath = join(folder, 'monitor.sock')
  const args = [
    ...['-accel', 'tcg', '-cpu', 'max', '-smp', processors('tcg', 1).smp, '-M', 'pc', '-m', '128M', '-nodefaults', '-no-user-config', '-display', 'none', '-no-reboot'],
    ...['-kernel', guest.kernel, '-initrd', guest.initramfs, '-append', [...guestKernelArguments, ...processors('tcg', 1).kernel].join(' '), '-serial', `file:${consolePath}`],
    ...['-device', 'virtio-serial-pci', '-chardev', `socket,id=agent,path=${socketPath},server=on,wait=off`],
    ...['-device', `virtserialport,chardev=agent,name=${agentPortName}`],
    ...['-qmp', `unix:${monitorPath},server=on,wait=off`],
    ...['-netdev', 'user,id=net,restrict=on', '-device', 'virtio-net-pci,netdev=net'],
    ...disk('image0', imageSerial(0), await busyboxImage(folder), true),
    ...disk('scratch', scratchSerial, await scratchDisk(folder), false),
  ]
  const qemu = spawn('qemu-system-x86_64', args, { stdio: ['ignore', 'ignore', 'inherit'] })
  const ended = once(qemu, 'exit').then(() => {})
  for (const path of [socketPath, monitorPath]) await untilListening(path, qemu)
  const stop = async () => {
    qemu.kill('SIGKILL')
    await ended
    await rm(folder, { recursive: true, force: true })
  }
  return { socketPath, monitorPath, ended, stop, console: () => readFile(consolePath, 'utf8') }
}

/** QEMU makes its sockets one after another, and binds each a moment before it listens. */
async function untilListening(path: string, qemu: ChildProcess): Promise<void> {
  for (;;) {
    const socket = connect(path)
    const listening = await once(socket, 'connect').then(
      () => true,
      () => false,
    )
    socket.destroy()
    if (listening) return
    if (qemu.exitCode !== null) throw new Error(`qemu ended with ${qemu.exitCode}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
