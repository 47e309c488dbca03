import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { parseManifest } from '../manifest/parse'
import { balancerAnnotationsOf, serviceBalancerAnnotations } from './annotations'
import { anyCertificate } from './certificates'
import { compileService } from './compile'
import { compileIngress } from './compile-ingress'

const guide = readFileSync(new URL('../../docs/guides/load-balancers.md', import.meta.url), 'utf8')
const blocks = [...guide.matchAll(/```yaml\n(.*?)```/gs)].map(([, yaml = '']) => yaml)
const objects = blocks.map((yaml) => {
  const { documents, problems } = parseManifest(yaml)
  expect([...problems, ...documents.flatMap((document) => document.problems)]).toEqual([])
  return documents.flatMap(({ object }) => object ?? [])
})

it('each manifest of the guide is right, and its balancers can be carried out', () => {
  const services = new Map(objects.flat().flatMap((each) => (each.kind === 'Service' ? [[each.metadata.name, each.spec] as const] : [])))
  const compiled = objects.flat().flatMap((each) => {
    if (each.kind === 'Service' && each.spec.type === 'LoadBalancer') return [compileService({ name: each.metadata.name, spec: each.spec, annotations: each.metadata.annotations, certificates: anyCertificate })]
    if (each.kind === 'Ingress') return [compileIngress({ name: each.metadata.name, spec: each.spec, annotations: each.metadata.annotations, services, certificates: anyCertificate })]
    return []
  })
  expect(compiled.map((each) => ('problems' in each ? each.problems : each.warnings))).toEqual([[], [], []])
  const ingress = compiled.at(-1)
  expect(ingress && 'compiled' in ingress && ingress.compiled.model.listeners.map(({ port, rules, redirectToHttps }) => [port, rules.map(({ host }) => host), redirectToHttps])).toEqual([[80, ['blog.example.com', 'shop.example.com'], 443], [443, ['blog.example.com', 'shop.example.com'], null]])
})
it('what the guide’s manifests lead to is in them', () => {
  const sites = objects.find((each) => each.some(({ kind }) => kind === 'Ingress')) ?? []
  expect(sites.map(({ kind }) => kind)).toEqual(['Pod', 'Pod', 'Pod', 'Service', 'Service', 'FloatingAddress', 'Ingress'])
  for (const each of objects) {
    const named = each.flatMap(({ kind, metadata }) => (kind === 'Service' || kind === 'Ingress' ? (balancerAnnotationsOf(metadata.annotations)['floating-address'] ?? []) : []))
    for (const name of named) expect(each.some(({ kind, metadata }) => kind === 'FloatingAddress' && metadata.name === name), name).toBe(true)
  }
})
it('its table has every annotation once, and no other', () => {
  const section = guide.split('### Annotations')[1]?.split('\n#')[0] ?? ''
  const told = [...section.matchAll(/^\| `([a-z-]+)` \|/gm)].map(([, name]) => name)
  expect(told.sort()).toEqual(Object.keys(serviceBalancerAnnotations.shape).sort())
})
