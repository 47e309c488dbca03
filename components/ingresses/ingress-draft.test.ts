import { expect, it } from 'vitest'
import { ingressSpec } from '@/domain/ingress/spec'
import { ingressDraftOf, ingressDraftSchema, ingressFieldOf, ingressSpecOf, newRule, type IngressDraft } from './ingress-draft'

const to = (name: string) => ({ service: { name, port: { number: 80 } } })
const none = { tls: [] }
const draft = (...rules: Parameters<typeof newRule>[0][]): IngressDraft => ({ rules: rules.map((rule) => newRule({ service: 'web', port: '80', ...rule })), other: { service: '', port: '' } })
const problems = (of: IngressDraft) => (ingressDraftSchema(none).safeParse(of).error?.issues ?? []).map(({ path }) => path.join('.')).sort()

it('is the Ingress again that it was made of', () => {
  const spec = ingressSpec.parse({ defaultBackend: to('other'), tls: [{ secretName: 'site', hosts: ['a.example.com'] }], rules: [{ host: 'a.example.com', http: { paths: [{ path: '/', pathType: 'Prefix', backend: to('web') }, { path: '/api', pathType: 'Exact', backend: to('api') }] } }, { http: { paths: [{ path: '/x', pathType: 'Prefix', backend: { service: { name: 'x', port: { name: 'http' } } } }] } }] })
  const { defaultBackend: _, rules: __, ...kept } = spec
  expect(ingressSpec.parse(ingressSpecOf(ingressDraftOf(spec), kept))).toEqual(spec)
})

it('has each problem at its row and field', () => {
  expect(problems(draft({ host: 'a.example.com' }, { host: 'a.example.com', path: '/api' }, { path: '/' }))).toEqual([])
  expect(problems(draft({ host: 'A.example.com' }))).toEqual(['rules.0.host'])
  expect(problems(draft({ host: 'a.example.com' }, { host: 'a.example.com', path: 'api' }))).toEqual(['rules.1.path'])
  expect(problems(draft({ host: 'a.example.com' }, { host: 'b.example.com' }, { host: 'a.example.com' }))).toEqual(['rules.2.path'])
  expect(problems(draft({ service: '' }))).toContain('rules.0.service')
  expect(problems(draft({ port: '70000' }))).toEqual(['rules.0.port'])
  expect(problems({ rules: [], other: { service: '', port: '' } })).toEqual(['rules'])
  expect(problems({ rules: [], other: { service: 'web', port: '' } })).toContain('other.port')
  expect(ingressFieldOf('spec.rules[1].http.paths[0].backend.service.name', draft({ host: 'a' }, { host: 'a' }, { host: 'b' }))).toBe('rules.2.service')
})
