import { GuestError } from '@/guest/errors'
import { makeFolder } from '@/guest/files'
import { runScript } from '@/guest/processes'
import { usageOf, type Usage } from '@/guest/volumes/ext4'
import { isWritable } from '@/guest/volumes/writable'
import { mountOptions, type AttachedVolume } from '@/guest/volumes/volume'

const notMounted = 33
const notReplayed = 34

/** By which a file system is mounted as it stands, whatever its journal has: to tell one that needs it from one that is damaged. Nobody is shown it so. */
const asItStands = { ext4: 'noload', xfs: 'norecovery' } as const

/** What xfs freezes has a journal that is to be replayed, for files that were removed while they were open. */
const remedies = {
  ext4: 'Attach it for writing once, or make the volume of a snapshot with consistency FilesystemConsistent',
  xfs: 'Attach it for writing once',
} as const

/** A kernel refuses to read a file system whose journal has to be replayed on a disk that cannot be written. */
const mountScript = `
disk=$1 folder=$2 type=$3 options=$4
if mount -t "$type" -o "$options" "$disk" "$folder" 2>&1; then echo; stat -f -c "%S %b %f" "$folder"; exit 0; fi
mount -t "$type" -o "$options,$5" "$disk" "$folder" 2>/dev/null || exit ${notMounted}
umount "$folder"
exit ${notReplayed}
`

/**
 * Mounts a file system for reading alone. What a program was told is on the disk may stand in its journal only: where the host lets the disk be written (to a file that is thrown away), the journal is
 * replayed there; where it does not, one that needs that is refused. Throws FilesystemDamaged, Conflict for the latter, and Unavailable where the journal could not be replayed: what the disk's writes go to may be full.
 */
export async function mountForReading(volume: AttachedVolume): Promise<Usage> {
  const { disk, path, serial, fsType } = volume
  makeFolder(path)
  const { exitCode, output } = await runScript(mountScript, [disk, path, fsType, mountOptions(volume), asItStands[fsType]])
  if (exitCode === 0) return usageOf((output.split('\n').at(-1) ?? '').split(' '))
  if (exitCode === notReplayed && !isWritable(disk)) throw new GuestError('Conflict', `the volume was not unmounted by who wrote to it last, and what was written last is in its journal, which cannot be replayed on a disk that is read-only, as its host gives it where the pod's ephemeral storage leaves no room to replay another one's: nothing older is shown. Raise that, or read fewer volumes at once. ${remedies[fsType]}`, serial)
  // The kernel does not say whether what could not be written or what it read was the cause.
  if (exitCode === notReplayed) throw new GuestError('Unavailable', `the journal of the volume could not be replayed: ${output}. What its host has for that may be full, or too small for this journal: it is tried again. If it goes on, attach the volume for writing once, which replays and checks it, or restore a snapshot`, serial)
  throw new GuestError('FilesystemDamaged', `the file system cannot be mounted for reading: ${output}. Restore a snapshot of the volume, or attach it for writing, which checks it`, serial)
}
