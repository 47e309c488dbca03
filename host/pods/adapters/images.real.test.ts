import { describe, expect, it, vi } from 'vitest'
import type { ImageReport } from '@/contracts/host/v1'
import { ensureSampleImage } from '@/host/images/sample/sample-image'
import { storeFixture } from '@/host/images/testing/store-fixture'
import { imagePort } from './images'

const { open } = storeFixture(() => 'registry.invalid')
const silent = { policy: 'IfNotPresent' as const, onProgress: () => {} }

describe('imagePort', () => {
  it('gives a pod its image with what to run, and reports it as ready', async () => {
    const store = await open()
    const { squashfs, digest, sizeBytes } = await ensureSampleImage(store)
    const onImage = vi.fn<(image: ImageReport) => void>()
    expect(await imagePort(store, onImage).ensure('hypernetes/sample', { ...silent, signal: new AbortController().signal })).toMatchObject({
      reference: 'registry.invalid/hypernetes/sample:latest',
      digest,
      file: squashfs,
      config: { entrypoint: ['/bin/serve'], command: [], user: '10001:10001', stopSignal: 'SIGTERM' },
    })
    expect(onImage.mock.calls).toEqual([[expect.objectContaining({ reference: 'hypernetes/sample', phase: 'Ready', digest, sizeBytes })]])
  })
  it('tells cause and next action, to the pod and in the report, and an abort as a cancellation that is not reported', async () => {
    const onImage = vi.fn<(image: ImageReport) => void>()
    const port = imagePort(await open(), onImage)
    const message: unknown = expect.stringMatching(/does not resolve\. Check the name/)
    await expect(port.ensure('app:1', { ...silent, signal: new AbortController().signal })).rejects.toMatchObject({ reason: 'ImageUnreachable', code: 'unreachable', message })
    expect(onImage.mock.calls).toEqual([[expect.objectContaining({ reference: 'app:1', phase: 'Failed', message })]])
    const aborted: unknown = await port.ensure('app:1', { ...silent, signal: AbortSignal.abort() }).catch((error: unknown) => error)
    expect(aborted).toMatchObject({ code: 'cancelled' })
    expect(onImage).toHaveBeenCalledTimes(1)
  })
})
