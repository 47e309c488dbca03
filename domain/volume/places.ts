/**
 * Folders of a container in which the kernel's own files or devices are: by those of /proc each program is started in it, a terminal's too. Nothing of a volume comes there or below; what lies below /dev/shm is memory, as a
 * folder of it is anywhere.
 */
export const kernelFolders = ['/proc', '/sys', '/dev'] as const
export const sharedMemoryFolder = '/dev/shm'

/** A path without what does not change where it leads: `//data/./x/` is `/data/x`. One that has `..` is refused where it is read. */
export const plainPath = (path: string): string => `/${path.split('/').filter((part) => part !== '' && part !== '.').join('/')}`

const isWithin = (path: string, folder: string): boolean => path === folder || path.startsWith(`${folder}/`)

/** The folder of the kernel's that a volume's files would be over at this path; null: it may have them there. */
export function kernelFolderOf(path: string): string | null {
  const plain = plainPath(path)
  return isWithin(plain, sharedMemoryFolder) ? null : (kernelFolders.find((folder) => isWithin(plain, folder)) ?? null)
}

/** Why a volume cannot be at a path of a container, after the field's name; null: it can. A device may be below /dev, where devices are. */
export function placeRefusal(path: string, as: 'folder' | 'device'): string | null {
  if (plainPath(path) === '/') return as === 'device' ? 'must be a path below "/", such as /dev/data' : 'must be a folder below "/", such as /data: the files of the container\'s image are at "/"'
  const folder = kernelFolderOf(path)
  if (folder === null) return null
  if (as === 'device') return folder === '/dev' && plainPath(path) !== '/dev' ? null : `must not be ${place(folder, path)}: name a path below /dev, such as /dev/data`
  return `must not be ${place(folder, path)}: name another path, such as /data`
}

const contents: Readonly<Record<string, string>> = { '/proc': 'the kernel\'s own files are there, and without them no program can be started in the container', '/sys': 'the kernel\'s own files are there, by which programs find out what they have', '/dev': 'the container\'s devices are there' }

const place = (folder: string, path: string): string => `${plainPath(path) === folder ? folder : `below ${folder}`}, for ${contents[folder] ?? 'the kernel\'s own files are there'}`
