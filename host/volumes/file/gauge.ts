import { readFile, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import { ExecError, run } from '@/platform/exec'
import { RoomGauge, type Room } from '../room'
import { VolumeError } from '../store'
import { markName } from './mark'

/** How full a folder is, and which store it holds. A folder of a network's file system is asked by a program: where its server is away, a call of ours would hold a thread of the agent up for as long. */
export function gaugeOf(folder: string, name: string, shared: boolean): RoomGauge {
  return new RoomGauge(name, () => (shared ? askProgram(folder) : ask(folder)).catch((error: unknown) => {
    throw new VolumeError('Unreachable', name, `The folder ${folder} of the store ${name} cannot be read: is it mounted? Look at it, and at its disk, on this host; it is tried again.`, { cause: error })
  }))
}

async function ask(folder: string): Promise<Room> {
  const { blocks, bavail, bsize } = await statfs(folder)
  const mark = await readFile(join(folder, markName), 'utf8').catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null
    throw error
  })
  return { totalBytes: blocks * bsize, freeBytes: bavail * bsize, mark }
}

async function askProgram(folder: string): Promise<Room> {
  const { stdout } = await run('stat', ['--file-system', '--format=%b %a %S', '--', folder])
  const [blocks = 0, available = 0, size = 0] = stdout.trim().split(' ').map(Number)
  // By the words that the C library has for it.
  const mark = await run('cat', ['--', join(folder, markName)]).then((read) => read.stdout, (error: unknown) => {
    if (error instanceof ExecError && /no such file or directory/i.test(error.stderr)) return null
    throw error
  })
  return { totalBytes: blocks * size, freeBytes: available * size, mark }
}
