import { createHash } from 'node:crypto'
import { expect, it } from 'vitest'
import { z } from 'zod'
import { root } from '@/tools/setup/paths.mjs'
import { billOfMaterials } from './bill'
import { packagesOf, readLockfile } from './lockfile'

const billSchema = z.object({
  bomFormat: z.literal('CycloneDX'),
  specVersion: z.literal('1.6'),
  components: z.array(z.object({ 'bom-ref': z.string(), name: z.string(), version: z.string(), scope: z.enum(['required', 'optional', 'excluded']), hashes: z.array(z.object({ alg: z.literal('SHA-512'), content: z.string().regex(/^[0-9a-f]{128}$/) })).length(1), licenses: z.array(z.object({ expression: z.string() })).max(1), purl: z.string().startsWith('pkg:npm/') })),
})
const project = { name: 'hypernetes', version: '0.1.0' }

it('names every locked version once with its hash, and is the same for the same lock', () => {
  const packages = packagesOf(readLockfile(root))
  const text = billOfMaterials(project, packages)
  const { components } = billSchema.parse(JSON.parse(text))
  expect(new Set(components.map((each) => each.purl))).toEqual(new Set(packages.map(({ name, version }) => `pkg:npm/${name.replace('@', '%40')}@${version}`)))
  expect(new Set(components.map((each) => each['bom-ref'])).size).toBe(components.length)
  expect(components.find(({ name }) => name === 'zod')).toMatchObject({ scope: 'required', licenses: [{ expression: 'MIT' }] })
  expect(billOfMaterials(project, [...packages].reverse())).toBe(text)
})

it('writes hashes in hexadecimal, and a version that is shipped and also used in development as shipped', () => {
  const digest = createHash('sha512').update('x')
  const integrity = `sha512-${digest.copy().digest('base64')}`
  const both = packagesOf({ lockfileVersion: 3, packages: { 'node_modules/tool/node_modules/@a/b': { version: '1.0.0', integrity, dev: true }, 'node_modules/@a/b': { version: '1.0.0', integrity, license: 'MIT and ISC' } } })
  expect(billSchema.parse(JSON.parse(billOfMaterials(project, both))).components).toEqual([expect.objectContaining({ name: '@a/b', purl: 'pkg:npm/%40a/b@1.0.0', scope: 'required', licenses: [{ expression: 'MIT AND ISC' }], hashes: [{ alg: 'SHA-512', content: digest.digest('hex') }] })])
})
