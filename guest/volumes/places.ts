import * as os from 'qjs:os'
import { kernelFolderOf, kernelFolders, plainPath, sharedMemoryFolder } from '@/contracts/guest/v1/places'
import { GuestError } from '@/guest/errors'
import { realPath } from '@/guest/volumes/real-path'

/** For a case of a shell: what no volume may be over. */
export const kernelPatterns = ['/', ...kernelFolders.flatMap((folder) => [folder, `${folder}/*`])].join('|')
export const sharedMemoryPatterns = `${sharedMemoryFolder}|${sharedMemoryFolder}/*`

export function refusedPlace(path: string, leadsTo: string): GuestError {
  return new GuestError('InvalidRequest', `a volume cannot be at ${path}, for a link in the container leads from there to ${leadsTo}, where the ${leadsTo === '/' ? 'files of its image' : 'kernel\'s own files and devices'} are, without which no program can be started in it. Name another path`, path)
}

/**
 * Throws InvalidRequest where links lead a mount of a container that is about to start to where its kind of volume may not be: of its image, or of what is mounted before it (`source`: where it lies in the VM). A disk is
 * in no folder of the kernel's; what lives in the VM alone (emptyDir, configMap, …) may be below /sys and /dev, as images ask for it. What names such a folder itself is refused where pods are made; pods of before have it
 * as they had.
 */
export function checkPlaces(imageFolder: string, mounts: readonly { path: string; source: string; isDisk: boolean }[]): void {
  const before: { at: string; source: string }[] = []
  const locate = (path: string): string => {
    const over = before.filter(({ at }) => path === at || path.startsWith(`${at}/`)).at(-1)
    return over ? `${over.source}${path.slice(over.at.length)}` : `${imageFolder}${path}`
  }
  for (const { path, source, isDisk } of mounts) {
    const at = realPath(path, (link) => {
      const [target, error] = os.readlink(locate(link))
      return error === 0 ? target : undefined
    })
    if (at !== undefined && at !== plainPath(path) && isRefused(at, isDisk)) throw refusedPlace(path, at)
    before.push({ at: at ?? plainPath(path), source })
  }
}

function isRefused(at: string, isDisk: boolean): boolean {
  const folder = kernelFolderOf(at)
  return at === '/' || (isDisk ? folder !== null : folder === '/proc')
}
