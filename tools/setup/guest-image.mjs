import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { dist, root } from './paths.mjs'
import { run } from './step.mjs'

export const guestImageFile = join(dist, 'guest', 'image.json')

/** Makes the guest's kernel and first file system in dist/guest and notes where they are. */
export async function buildGuestImage() {
  const output = await run(process.execPath, ['--import', 'tsx', 'guest/image/main.ts', join(dist, 'guest')], { cwd: root })
  const image = JSON.parse(output.trim().split('\n').at(-1) ?? '')
  if (![image.kernel, image.initramfs, image.version].every((value) => typeof value === 'string')) throw new Error(`guest/image/main.ts printed no image: ${output}`)
  writeFileSync(guestImageFile, JSON.stringify(image))
}

/** @returns {{ kernel: string, initramfs: string, version: string }} */
export const readGuestImage = () => JSON.parse(readFileSync(guestImageFile, 'utf8'))
