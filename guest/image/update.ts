import { mkdir } from 'node:fs/promises'
import { buildGuestImage, type GuestImage } from '@/guest/image/build'
import { downgrades, packageChanges, readInventory, type PackageChange } from '@/guest/image/inventory'
import { currentPackages, fetchPackages, sweepPackages, usePackages } from '@/guest/image/package-root'

export interface UpdateOptions {
  outDir: string
  /** Also where nothing is newer, or something older. */
  force: boolean
  onProgress?: (step: string) => void
  /** Brings a folder of packages; by default from Debian. */
  fetch?: typeof fetchPackages
}

/** `image` is null where nothing is newer: then nothing was made. */
export type Update = { image: GuestImage | null; changes: PackageChange[] }

/**
 * Fetches the newest Debian packages and makes a guest image of them beside the old one, whose files stay as they are.
 * Only when all of it is there are later images made from these packages. Throws, and then the old ones stay in use; also
 * where the machine's mirror has something older than the image has, which nobody wants but one who plays old faults back.
 */
export async function updateGuestImage({ outDir, force, onProgress = () => {}, fetch = fetchPackages }: UpdateOptions): Promise<Update> {
  await mkdir(outDir, { recursive: true })
  const current = await currentPackages(outDir)
  const before = current === undefined ? undefined : await readInventory(current)
  const fetched = await fetch(outDir, onProgress)
  const changes = packageChanges(before, await readInventory(fetched))
  const older = await downgrades(changes)
  if (older.length > 0 && !force) {
    const list = older.map(({ name, from, to }) => `${name} ${to} instead of ${from}`).join(', ')
    throw new Error(`the machine's Debian mirror has older packages than the guest image: ${list}. The image stays as it is. Look at the mirror in the machine's apt sources; to go back on purpose: npm run guest:update -- --force`)
  }
  const image = changes.length > 0 || force ? await buildGuestImage({ outDir, packages: fetched, onProgress }) : null
  if (image) await usePackages(outDir, fetched)
  await sweepPackages(outDir)
  return { image, changes }
}
