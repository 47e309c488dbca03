import { describe, expect, it, vi } from 'vitest'
import type { ImageReport } from '@/contracts/host/v1'
import type { ConfigurationObject } from '@/domain/pod/configuration'
import { startRegistry } from '@/host/images/testing/registry'
import { ensureSampleImage } from '@/host/images/sample/sample-image'
import { storeFixture } from '@/host/images/testing/store-fixture'
import { imagePort } from './images'

const { open } = storeFixture(() => 'registry.invalid')
const silent = { tenantId: 'ann', policy: 'IfNotPresent' as const, pullSecrets: [], onProgress: () => {} }

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
    await expect(port.ensure('app:1', { ...silent, policy: 'Never', signal: new AbortController().signal })).rejects.toMatchObject({ reason: 'ErrImageNeverPull' })
    await expect(port.ensure('App:1', { ...silent, signal: new AbortController().signal })).rejects.toMatchObject({ reason: 'InvalidImageName' })
  })
  it('uses the account of a pull Secret; a Secret that cannot be read is named, and nothing of it', async () => {
    const registry = await startRegistry({ account: { username: 'ada', password: 's3cret-canary', bcrypt: '$2y$05$abcdefghijklmnopqrstuullx5kP6GYZcFnepqhmI2H03s5Hsbhlm' } })
    try {
      await registry.push('mine:1', { files: { a: '1' } })
      const port = imagePort(await open({ insecureRegistries: [registry.host] }), () => {})
      const secret = (content: string): ConfigurationObject => ({ kind: 'Secret', name: 'pull', type: 'kubernetes.io/dockerconfigjson', data: { '.dockerconfigjson': Buffer.from(content).toString('base64') } })
      const login = secret(JSON.stringify({ auths: { [registry.host]: { auth: Buffer.from('ada:s3cret-canary').toString('base64') } } }))
      const ensure = (pullSecrets: ConfigurationObject[]) => port.ensure(`${registry.host}/mine:1`, { ...silent, pullSecrets, signal: new AbortController().signal })
      const refused: unknown = await ensure([secret('{"auths": s3cret-canary')]).catch((error: unknown) => error)
      expect(refused).toMatchObject({ reason: 'ImageRefused', message: expect.stringMatching(/Secret "pull" cannot be used/) })
      expect(String(refused)).not.toContain('canary')
      expect((await ensure([secret('{'), login])).reference).toBe(`${registry.host}/mine:1`)
    } finally {
      await registry.stop()
    }
  })
})
