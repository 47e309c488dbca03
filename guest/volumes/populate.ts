import { pluggedDisk } from '@/guest/disks'
import { GuestError } from '@/guest/errors'
import { runScript } from '@/guest/processes'
import type { AttachedVolume } from '@/guest/volumes/volume'

const imageFailed = 41
const copyFailed = 42

/**
 * The mark is there before the first file and goes after the last one is on the disk, which sync(1) says of one file system alone (write-out.ts): what has it is begun anew. A file system that holds nothing yet is one, too: its maker may have been stopped right after it. Root's
 * folder gets the image's owner and mode.
 */
const script = `
folder=$1 image=$2 mark="$1/.hypernetes-populating" from=/run/populate/$3
rest() { find "$folder" -mindepth 1 -maxdepth 1 ! -name lost+found ! -name .hypernetes-populating "$@"; }
if [ ! -e "$mark" ] && [ -n "$(rest | head -n 1)" ]; then exit 0; fi
mkdir -p "$mark" "$from" && sync
rest -exec rm -rf {} +
mount -t squashfs -o ro,nodev "$image" "$from" 2>&1 || exit ${imageFailed}
said=$(cp -a "$from/." "$folder/" 2>&1); code=$?
umount "$from"
if [ $code != 0 ]; then echo "$said" | tail -n 3; exit ${copyFailed}; fi
/sbin/sync -f "$folder" 2>&1 || exit ${copyFailed}
rmdir "$mark" && sync
`

/** Copies the files of the image on the disk with this serial into a volume that is mounted and has none yet. Extended attributes are not copied. Done again it does nothing. */
export async function populate({ name, path, serial }: Pick<AttachedVolume, 'name' | 'path' | 'serial'>, imageSerial: string): Promise<void> {
  const image = await pluggedDisk(imageSerial)
  const { exitCode, output } = await runScript(script, [path, image, serial])
  if (exitCode === 0) return
  if (/no space left/i.test(output)) throw new GuestError('NoSpace', 'the files of the image do not fit into the volume, and nothing of it is used: make the volume larger', name)
  throw new GuestError('Unavailable', `the files of the image could not be copied into the volume, and the next try begins anew: ${output || `code ${exitCode}`}`, name)
}
