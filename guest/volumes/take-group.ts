import * as os from 'qjs:os'
import { GuestError } from '@/guest/errors'
import { runScript } from '@/guest/processes'
import type { AttachedVolume } from '@/guest/volumes/volume'

/** Group may read, write and enter, and what is made in it is the group's: rwx and setgid. */
const ownFolder = 0o2070

/**
 * What the kubelet does for fsGroup (pkg/volume/volume_linux.go): the group of all, links themselves, and its right to read and write; to enter folders, in which what is made is the group's. The root's comes last: where it is
 * stopped before, the next attach goes on. Only what is another group's is touched.
 */
const script = `
folder=$1 group=$2
all() { find "$folder" -xdev -mindepth 1 "$@"; }
all ! -group "$group" -exec chgrp -h "$group" {} + || exit 1
all -type d ! -perm -2070 -exec chmod g+rwxs {} + || exit 1
all -type f ! -perm -0060 -exec chmod g+rw {} + || exit 1
chgrp "$group" "$folder" && chmod g+rwxs "$folder"
`

/** Gives a mounted volume, which nobody uses yet, to a pod's fsGroup: all that is in it, or, unless `always`, nothing where its root folder is the group's already. */
export async function takeGroup({ path, serial }: Pick<AttachedVolume, 'path' | 'serial'>, group: number, always: boolean): Promise<void> {
  const [status] = os.stat(path)
  if (!always && status?.gid === group && (status.mode & ownFolder) === ownFolder) return
  const { exitCode, output } = await runScript(`{ ${script} } 2>&1`, [path, String(group)])
  if (exitCode !== 0) throw new GuestError(/no space left/i.test(output) ? 'NoSpace' : 'Unavailable', `the files of the volume could not be given to the pod's fsGroup ${group}, and the next try goes on: ${output || `code ${exitCode}`}`, serial)
}
