import { randomUUID } from 'node:crypto'
import { expect, it } from 'vitest'
import type { PrePull } from '@/contracts/host/v1'
import type { ImageRequest, ReadyImage } from './ports'
import { PrePulls } from './pre-pulls'
import { FakeClock, settle } from './testing/fake-clock'

const wanted = (reference: string, over: Partial<PrePull> = {}): PrePull => ({ id: randomUUID(), tenantId: 'ann', reference, pullSecrets: [], upload: null, ...over })
const ready = (reference: string): ReadyImage => ({ reference, digest: `sha256:${reference}`, sizeBytes: 1, file: '/x', config: { entrypoint: [], command: [], environment: [], workingDir: '', user: '', stopSignal: '' } })

function prePulls() {
  const clock = new FakeClock()
  const late: string[] = []
  const asked: { reference: string; request: ImageRequest; answer: (error?: Error) => void }[] = []
  const ensure = (reference: string, request: ImageRequest) =>
    new Promise<ReadyImage>((resolve, reject) => {
      request.signal.addEventListener('abort', () => reject(new Error('aborted')))
      asked.push({ reference, request, answer: (error) => (error ? reject(error) : resolve(ready(reference))) })
    })
  return { clock, asked, late, pulls: new PrePulls({ images: { ensure }, clock, nameOf: (reference) => `full/${reference}`, onProgress: () => {}, onTimeout: ({ reference }, message) => late.push(`${reference}: ${message}`) }) }
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

it('takes tenants in turn, whatever one of them wants and however it fails', async () => {
  const { pulls, asked } = prePulls()
  pulls.apply([...['a:1', 'a:2', 'a:3'].map((reference) => wanted(reference)), wanted('b:1', { tenantId: 'bob' }), wanted('b:2', { tenantId: 'bob' })])
  for (let i = 0; i < 5; i += 1) {
    await settle()
    asked[i]?.answer(asked[i]?.reference.startsWith('a') ? new Error('no') : undefined)
  }
  await settle()
  expect(asked.map(({ reference }) => reference)).toEqual(['a:1', 'b:1', 'a:2', 'b:2', 'a:3'])
  pulls.end()
  await pulls.finished
})

it('tries what was never tried before what has failed', async () => {
  const { pulls, asked, clock } = prePulls()
  pulls.apply(['a:1', 'a:2', 'a:3'].map((reference) => wanted(reference)))
  await settle()
  asked[0]?.answer(new Error('no'))
  await settle()
  // The first is due again while the second is pulled.
  await clock.advance(60_000)
  asked[1]?.answer()
  await settle()
  expect(asked.map(({ reference }) => reference)).toEqual(['a:1', 'a:2', 'a:3'])
  pulls.end()
  await pulls.finished
})

it('gives up a pull that takes ten minutes, tells it, and goes on with the next', async () => {
  const { pulls, asked, late, clock } = prePulls()
  pulls.apply([wanted('a:1'), wanted('b:1', { tenantId: 'bob' })])
  await settle()
  await clock.advance(599_000)
  expect(asked).toHaveLength(1)
  await clock.advance(1_000)
  expect(asked[0]?.request.signal.aborted).toBe(true)
  expect(late).toEqual([expect.stringMatching(/^a:1: .*10 minutes/)])
  asked[1]?.answer()
  await clock.advance(10_000)
  expect(asked.map(({ reference }) => reference)).toEqual(['a:1', 'b:1', 'a:1'])
  pulls.end()
  await pulls.finished
})

it('pulls again, after a while, what has been removed since', async () => {
  const { pulls, asked, clock } = prePulls()
  pulls.apply([wanted('a:1')])
  await settle()
  asked[0]?.answer()
  await settle()
  pulls.removed('sha256:other')
  await clock.advance(7_200_000)
  expect(asked).toHaveLength(1)
  pulls.removed('sha256:a:1')
  await clock.advance(3_599_000)
  expect(asked).toHaveLength(1)
  await clock.advance(1_000)
  expect(asked).toHaveLength(2)
  pulls.end()
  await pulls.finished
})
