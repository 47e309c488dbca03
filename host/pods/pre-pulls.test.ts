import { randomUUID } from 'node:crypto'
import { expect, it } from 'vitest'
import type { PrePull } from '@/contracts/host/v1'
import type { ImageRequest, ReadyImage } from './ports'
import { PrePulls } from './pre-pulls'
import { FakeClock, settle } from './testing/fake-clock'

const wanted = (reference: string, over: Partial<PrePull> = {}): PrePull => ({ id: randomUUID(), tenantId: 'ann', reference, pullSecrets: [], upload: null, ...over })
const ready = (reference: string): ReadyImage => ({ reference, digest: 'sha256:0', sizeBytes: 1, file: '/x', config: { entrypoint: [], command: [], environment: [], workingDir: '', user: '', stopSignal: '' } })

function prePulls() {
  const clock = new FakeClock()
  const asked: { reference: string; request: ImageRequest; answer: (error?: Error) => void }[] = []
  const ensure = (reference: string, request: ImageRequest) =>
    new Promise<ReadyImage>((resolve, reject) => {
      request.signal.addEventListener('abort', () => reject(new Error('aborted')))
      asked.push({ reference, request, answer: (error) => (error ? reject(error) : resolve(ready(reference))) })
    })
  return { clock, asked, pulls: new PrePulls({ images: { ensure }, clock, nameOf: (reference) => `full/${reference}`, onProgress: () => {} }) }
}

it('pulls one after the other in the background, each once', async () => {
  const { pulls, asked } = prePulls()
  const list = [wanted('a:1'), wanted('b:1', { tenantId: '' })]
  pulls.apply(list)
  await settle()
  expect(asked.map(({ reference }) => reference)).toEqual(['a:1'])
  expect(asked[0]?.request).toMatchObject({ inBackground: true, policy: 'IfNotPresent', tenantId: 'ann' })
  expect([pulls.isWanted('ann', 'full/a:1'), pulls.isWanted('bob', 'full/a:1')]).toEqual([true, false])
  asked[0]?.answer()
  await settle()
  asked[1]?.answer()
  await settle()
  pulls.apply(list)
  await settle()
  expect(asked.map(({ reference }) => reference)).toEqual(['a:1', 'b:1'])
  pulls.end()
  await pulls.finished
})

it('tries again with a wait what fails, and gives up what is not wanted any more', async () => {
  const { pulls, asked, clock } = prePulls()
  const [a, b] = [wanted('a:1'), wanted('b:1')]
  pulls.apply([a, b])
  await settle()
  asked[0]?.answer(new Error('no'))
  await settle()
  expect(asked.map(({ reference }) => reference)).toEqual(['a:1', 'b:1'])
  pulls.apply([a])
  await settle()
  expect(asked[1]?.request.signal.aborted).toBe(true)
  await clock.advance(60_000)
  await settle()
  expect(asked.map(({ reference }) => reference)).toEqual(['a:1', 'b:1', 'a:1'])
  pulls.end()
  await pulls.finished
})
