import { GuestError } from '@/guest/errors'
import { runScript } from '@/guest/processes'

/** As Debian packs them, in the order in which they need each other (image/recipe.ts `laterModules`). */
const groups = {
  xfs: ['libcrc32c', 'xfs'],
  scsi: ['scsi_common', 'scsi_mod', 'sd_mod', 'virtio_scsi'],
} as const

/** In memory until it is in the kernel: a module is several MiB. One that is there already is left as it is. */
const script = `
for name in "$@"; do
  [ -e "/sys/module/$name" ] && continue
  unxz -c "/lib/modules/later/$name.ko.xz" >"/run/$name.ko" && insmod "/run/$name.ko" 2>&1 || { echo "$name"; exit 1; }
  rm "/run/$name.ko"
done
`

const inserted = new Map<keyof typeof groups, Promise<void>>()

/** Gives the kernel what few pods need. It happens once; what fails is tried anew by whoever asks next. */
export function needModules(group: keyof typeof groups): Promise<void> {
  const before = inserted.get(group)
  if (before) return before
  const now = runScript(script, groups[group]).then(({ exitCode, output }) => {
    if (exitCode === 0) return
    inserted.delete(group)
    throw new GuestError('Unavailable', `the kernel does not take what ${group} needs: ${output || 'want of memory, perhaps'}`, group)
  })
  inserted.set(group, now)
  return now
}
