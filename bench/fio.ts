import { chmod, copyFile, mkdir } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { z } from 'zod'
import type { GuestShell } from '@/host/hypervisor/testing/shell-guest'
import { run } from '@/platform/exec'

/** The serial of the disk by which guests have fio. */
export const fioSerial = 'fio'

/** What is measured of a disk, past the guest's cache. */
export type Kind = { title: string; unit: 'MiB/s' | 'IOPS'; options: readonly string[] }

const sequential = (title: string, rw: 'read' | 'write'): Kind => ({ title: `${title}, 1 MiB each, 4 at a time`, unit: 'MiB/s', options: [`--rw=${rw}`, '--bs=1M', '--iodepth=4'] })
const random = (title: string, rw: 'randread' | 'randwrite', depth: number, ...more: string[]): Kind => ({ title: `${title} at random, 4 KiB each, ${depth} at a time`, unit: 'IOPS', options: [`--rw=${rw}`, '--bs=4k', `--iodepth=${depth}`, ...more] })

/** How many bytes. */
export const throughput: readonly Kind[] = [sequential('read', 'read'), sequential('written', 'write')]
/** How many requests. */
export const requests: readonly Kind[] = [
  ...[random('read', 'randread', 1), random('read', 'randread', 32), random('written', 'randwrite', 1), random('written', 'randwrite', 32)],
  random('written and flushed', 'randwrite', 1, '--fdatasync=1'),
]

/** The libraries that a program is linked with, as the loader names them, and the loader itself. */
async function librariesOf(program: string): Promise<{ name: string; path: string }[]> {
  const { stdout } = await run('ldd', [program])
  return stdout.split('\n').flatMap((line) => {
    const [, name, path = name] = /^\s*(\S+)(?: => (\S+))? \(0x[0-9a-f]+\)$/.exec(line) ?? []
    return name && path?.startsWith('/') ? [{ name: basename(name), path }] : []
  })
}

/** Makes a disk of this machine's fio, as Debian has it, with its libraries: the guest has none of them. Not compressed, for unpacking would be the guest's work while it measures. */
export async function makeFioDisk(folder: string): Promise<string> {
  const [content, file] = [join(folder, 'fio.d'), join(folder, 'fio.squashfs')]
  await mkdir(join(content, 'lib'), { recursive: true })
  const program = (await run('sh', ['-c', 'command -v fio'])).stdout.trim()
  await copyFile(program, join(content, 'fio'))
  for (const { name, path } of await librariesOf(program)) await copyFile(path, join(content, name.startsWith('ld-') ? 'loader' : join('lib', name)))
  await run('mksquashfs', [content, file, '-quiet', '-no-progress', '-all-root', '-noI', '-noD', '-noF', '-noX'])
  await chmod(file, 0o644)
  return file
}

const fio = '/fio/loader --library-path /fio/lib /fio/fio --name=of --ioengine=libaio --direct=1 --thread --gtod_reduce=1 --output-format=json --output=/found'

/** Once its disk is plugged in. One of its libraries sets 130 MiB aside that nothing here ever touches. */
export async function takeFio(shell: GuestShell): Promise<void> {
  await shell.out(`echo 1 >/proc/sys/vm/overcommit_memory; D=$(await ${fioSerial}); mkdir -p /fio && mount -t squashfs -o ro $D /fio`)
}

/** Every byte of the disk is written once, with what no store can leave out: none of it is a hole afterwards. */
export async function fillDisk(shell: GuestShell, serial: string): Promise<void> {
  await shell.out(`D=$(await ${serial}); ${fio} --filename=$D --rw=write --bs=1M --iodepth=4 --refill_buffers --end_fsync=1`, 300_000)
}

const side = z.looseObject({ bw_bytes: z.number(), iops: z.number() })
const answer = z.looseObject({ jobs: z.tuple([z.looseObject({ read: side, write: side })]) })

/** How much of it a guest does in a second, for so long. */
export async function measureKind(shell: GuestShell, serial: string, { options, unit }: Kind, milliseconds: number): Promise<number> {
  const text = await shell.out(`D=$(disk ${serial}); ${fio} --filename=$D ${options.join(' ')} --time_based --runtime=${milliseconds}ms >/dev/null 2>&1 && cat /found`, milliseconds + 120_000)
  const [{ read, write }] = answer.parse(JSON.parse(text.slice(text.indexOf('{')))).jobs
  return unit === 'IOPS' ? read.iops + write.iops : (read.bw_bytes + write.bw_bytes) / 2 ** 20
}
