import { pause } from '@/guest/pause'
import { runScript } from '@/guest/processes'
import type { AttachedVolume } from '@/guest/volumes/volume'

/** So long in any case: whoever writes it out has it open, and is in the way of what follows. */
const leastMilliseconds = 2_000

/** A file system's files, or what was written to a device of mode block through the page cache. */
const scripts = { filesystem: '/sbin/sync -f "$1" 2>&1', block: '/sbin/sync "$1" 2>&1' } as const
/** The same without a word of what was lost. */
const quick = 'busybox sync -f "$1"'

/** Whether a write to it may fail: the host stops the machine at one to any other disk. What is on a bus of SCSI is there so that the guest is told. */
export const mayFail = ({ disk }: AttachedVolume): boolean => disk.startsWith('/dev/sd')

/**
 * Writes all out, and notes on the volume where bytes were lost that programs wrote before: Linux tells of a write-back that failed once, to who asks first (errseq_t; syncfs(2), errors of write-back since 5.8), and an
 * unmount not at all. Only of a disk that {@link mayFail}: a program that tells costs the next attach a third of its time. Of mode block, what a program was told by a sync of its own is not told again. Waits until that time, and 2 s at least; what comes later is noted all the same.
 */
export async function writeOut(volume: AttachedVolume, until: number): Promise<void> {
  if (volume.readOnly || (volume.mode === 'block' && !mayFail(volume))) return
  const written = runScript(mayFail(volume) ? scripts[volume.mode] : quick, [volume.mode === 'block' ? volume.disk : volume.path]).then(({ exitCode, output }) => {
    if (exitCode !== 0 && mayFail(volume)) volume.notWritten ??= output || `code ${exitCode}`
  })
  await Promise.race([written, pause(Math.max(leastMilliseconds, until - Date.now()))])
}
