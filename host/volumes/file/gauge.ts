import { statfs } from 'node:fs/promises'
import { run } from '@/platform/exec'
import { RoomGauge, type Room } from '../room'
import { VolumeError } from '../store'

/** A folder of a network's file system is asked by a program: where its server is away, a call of ours would hold a thread of the agent up for as long. */
export function gaugeOf(folder: string, name: string, shared: boolean): RoomGauge {
  return new RoomGauge(name, () => (shared ? askProgram(folder) : ask(folder)).catch((error: unknown) => {
    throw new VolumeError('Unreachable', name, `The store ${name} cannot be read. Ask the operator to look at its disk.`, { cause: error })
  }))
}

async function ask(folder: string): Promise<Room> {
  const { blocks, bavail, bsize } = await statfs(folder)
  return { totalBytes: blocks * bsize, freeBytes: bavail * bsize }
}

async function askProgram(folder: string): Promise<Room> {
  const { stdout } = await run('stat', ['--file-system', '--format=%b %a %S', '--', folder])
  const [blocks = 0, available = 0, size = 0] = stdout.trim().split(' ').map(Number)
  return { totalBytes: blocks * size, freeBytes: available * size }
}
