import { describe, expect, it } from 'vitest'
import { imagePort } from './image-port'
import { ensureSampleImage } from './sample/sample-image'
import { storeFixture } from './testing/store-fixture'

const { open } = storeFixture(() => 'registry.invalid')
const silent = { policy: 'IfNotPresent' as const, onProgress: () => {} }

describe('imagePort', () => {
  it('gives a pod its image with what to run', async () => {
    const store = await open()
    const { squashfs, digest } = await ensureSampleImage(store)
    expect(await imagePort(store).ensure('hypernetes/sample', { ...silent, signal: new AbortController().signal })).toMatchObject({
      reference: 'registry.invalid/hypernetes/sample:latest',
      digest,
      file: squashfs,
      config: { entrypoint: ['/bin/serve'], command: [], user: '10001:10001', stopSignal: 'SIGTERM' },
    })
  })
  it('tells cause and next action, and an abort as an abort', async () => {
    const port = imagePort(await open())
    await expect(port.ensure('app:1', { ...silent, signal: new AbortController().signal })).rejects.toMatchObject({
      reason: 'ImageUnreachable',
      code: 'unreachable',
      message: expect.stringMatching(/does not resolve\. Check the name/),
    })
    await expect(port.ensure('app:1', { ...silent, signal: AbortSignal.abort() })).rejects.toMatchObject({ name: 'AbortError' })
  })
})
