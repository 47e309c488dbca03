import { constants } from 'node:fs'
import { open, readFile, readlink } from 'node:fs/promises'
import { basename, dirname, join, relative } from 'node:path'
import { codeOf } from '@/platform/error-code'

/** A folder by its file system and its path in that, which is the same from every mount namespace. */
export type Place = { device: string; path: string }

type Mount = { id: string; place: Place; mountPoint: string }

/** The kernel writes blanks and the like as three octal digits. */
const unescaped = (field: string) => field.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(parseInt(digits, 8)))

/** A process' mounts, as proc_pid_mountinfo(5) says. None for a process that has ended. */
async function mountsOf(process: string): Promise<Mount[]> {
  const text = await readFile(`/proc/${process}/mountinfo`, 'utf8').catch(() => '')
  return text.split('\n').flatMap((line) => {
    const [id, , device, root, mountPoint] = line.split(' ')
    if (!id || !device || !root || !mountPoint) return []
    // A folder that was removed while it is in use is marked.
    return [{ id, place: { device, path: unescaped(root).replace(/\/\/deleted$/, '') }, mountPoint: unescaped(mountPoint) }]
  })
}

/** Where a folder lies; one that is not there (any more) lies where it would be. */
export async function placeOf(folder: string): Promise<Place> {
  const handle = await open(folder, constants.O_RDONLY | constants.O_DIRECTORY).catch((error: unknown) => {
    if (codeOf(error) === 'ENOENT') return null
    throw error
  })
  if (!handle) {
    const { device, path } = await placeOf(dirname(folder))
    return { device, path: join(path, basename(folder)) }
  }
  try {
    const [info, path, mounts] = await Promise.all([readFile(`/proc/self/fdinfo/${handle.fd}`, 'utf8'), readlink(`/proc/self/fd/${handle.fd}`), mountsOf('self')])
    const id = /^mnt_id:\s+(\d+)/m.exec(info)?.[1]
    const mount = mounts.find((each) => each.id === id)
    if (!mount) throw new Error(`the file system of ${folder} cannot be found`)
    return { device: mount.place.device, path: join(mount.place.path, relative(mount.mountPoint, path)) }
  } finally {
    await handle.close()
  }
}

/**
 * The folder that a process was given as /vm when it was launched, also when it was removed since. A VM cannot change it:
 * QEMU has no capability to mount and may not make a namespace. Undefined for a process that is no VM, or has ended.
 */
export const vmPlaceOf = (pid: number): Promise<Place | undefined> => placeMountedAt(pid, '/vm')

/** The folder that a process has mounted there; undefined where it has none, or has ended. */
export async function placeMountedAt(pid: number, at: string): Promise<Place | undefined> {
  return (await mountsOf(String(pid))).find(({ mountPoint }) => mountPoint === at)?.place
}

/** Whether a place is the folder or lies below it. */
export const isWithin = (place: Place, folder: Place): boolean => place.device === folder.device && `${place.path}/`.startsWith(`${folder.path.replace(/\/$/, '')}/`)
