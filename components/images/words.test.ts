import { expect, it } from 'vitest'
import type { ImageView } from '@/domain/image/view'
import { sentence, suggestedReference, summary } from './words'

const image = (over: Partial<ImageView>): ImageView => ({ reference: 'a:1', digest: null, sizeBytes: null, phase: 'Unknown', message: '', progress: null, podCount: 0, pod: null, hosts: [], upload: null, prePull: null, updatedAt: null, ...over })
const host = { host: 'h1', message: '', bytesDone: 0, bytesTotal: 0, updatedAt: '' }

it('says what hosts say in plain words', () => {
  expect(summary(image({ phase: 'Ready', hosts: [{ ...host, phase: 'Ready' }, { ...host, host: 'h2', phase: 'Failed' }] }))).toBe('On 1 host')
  expect(summary(image({ phase: 'Pulling', progress: { bytesDone: 1024, bytesTotal: 2048 } }))).toBe('1 KiB of 2 KiB')
  expect(summary(image({ podCount: 2 }))).toBe('On no host yet')
  expect(summary(image({}))).toBe('On no host')
  expect(sentence({ ...host, phase: 'Failed', message: 'The registry does not answer.' })).toBe('h1 could not get it. The registry does not answer.')
})

it.each([['My App.tar.gz', 'my-app:latest'], ['web.tar', 'web:latest'], ['image.oci.tar', 'image:latest'], ['...', '']])('suggests for %s %s', (file, expected) => expect(suggestedReference(file)).toBe(expected))
