import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { dist, root } from './paths.mjs'
import { run } from './step.mjs'

/** The file that names the newest guest image. Hosts that run follow it, so it is replaced in one step. */
export const guestImageFile = join(dist, 'guest', 'image.json')

/** @typedef {{ kernel: string, initramfs: string, version: string, sbom: string }} GuestImage */
/** @typedef {{ name: string, from: string | null, to: string | null }} PackageChange */

/**
 * Runs the image's builder; `image` is null where an update found nothing newer.
 * @param {string[]} options
 * @returns {Promise<{ image: GuestImage | null, changes: PackageChange[] }>}
 */
async function build(options) {
  const output = await run(process.execPath, ['--import', 'tsx', 'guest/image/main.ts', join(dist, 'guest'), ...options], { cwd: root })
  const result = JSON.parse(output.trim().split('\n').at(-1) ?? '')
  const { image } = result
  if (image !== null && ![image?.kernel, image?.initramfs, image?.version, image?.sbom].every((value) => typeof value === 'string')) throw new Error(`guest/image/main.ts printed no image: ${output}`)
  if (image) publish(image)
  return result
}

/** @param {GuestImage} image */
function publish({ kernel, initramfs, version, sbom }) {
  writeFileSync(`${guestImageFile}.draft`, JSON.stringify({ kernel, initramfs, version, sbom }))
  renameSync(`${guestImageFile}.draft`, guestImageFile)
}

/** Makes the guest's kernel and first file system in dist/guest and notes where they are. */
export async function buildGuestImage() {
  await build([])
}

/**
 * The same of the newest Debian packages. Where nothing is newer, and always when it fails, the image stays what it was.
 * @param {{ force: boolean }} options
 */
export const updateGuestImage = ({ force }) => build(['--update', ...(force ? ['--force'] : [])])

/** @returns {GuestImage & { pointer: string }} */
export const readGuestImage = () => ({ ...JSON.parse(readFileSync(guestImageFile, 'utf8')), pointer: guestImageFile })

/**
 * What changed, a package a line. @param {PackageChange[]} changes
 */
export function changesTable(changes) {
  const rows = [['package', 'before', 'now'], ...changes.map(({ name, from, to }) => [name, from ?? '–', to ?? '–'])]
  const widths = [0, 1, 2].map((column) => Math.max(...rows.map((row) => row[column].length)))
  return rows.map((row) => `  ${row.map((cell, column) => cell.padEnd(widths[column])).join('  ').trimEnd()}`).join('\n')
}
