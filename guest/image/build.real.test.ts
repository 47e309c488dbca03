import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { buildGuestImage } from '@/guest/image/build'

it('is built once: a second build of the same inputs fetches and writes nothing', async () => {
  const outDir = await mkdtemp(join(tmpdir(), 'hypernetes-image-'))
  try {
    const steps: string[] = []
    const first = await buildGuestImage({ outDir, onProgress: (step) => steps.push(step) })
    expect(steps.filter((step) => /^fetching|^writing/.test(step))).toHaveLength(2)
    expect((await readFile(first.initramfs)).subarray(0, 6).toString()).toBe('070701')
    const written = (await stat(first.initramfs)).mtimeMs
    steps.length = 0
    expect(await buildGuestImage({ outDir, onProgress: (step) => steps.push(step) })).toEqual(first)
    expect(steps).toEqual(['bundling the guest agent'])
    expect((await stat(first.initramfs)).mtimeMs).toBe(written)
    expect((await readdir(outDir)).sort()).toEqual([first.version, expect.stringMatching(/^packages-/)])
  } finally {
    await rm(outDir, { recursive: true, force: true })
  }
})
