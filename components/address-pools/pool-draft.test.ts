import { expect, it } from 'vitest'
import { addressPoolSpec } from '@/domain/address-pool/spec'
import { newPoolDraft, poolDraftOf, poolDraftSchema, poolFieldOf, poolSpecOf } from './pool-draft'

const draft = { ...newPoolDraft(), name: 'office', cidr: '203.0.113.0/24' }
const problems = (over: Partial<typeof draft>) => poolDraftSchema.safeParse({ ...draft, ...over }).error?.issues.map(({ path, message }) => `${path.join('.')}: ${message}`) ?? []

it('what is typed is what is sent, and the form of a pool is the pool', () => {
  expect(poolSpecOf(draft)).toEqual({ subnet: { cidr: '203.0.113.0/24' }, default: false })
  const spec = addressPoolSpec.parse(poolSpecOf({ ...draft, gateway: ' 203.0.113.254 ', ranges: '203.0.113.10 - 203.0.113.20\n\n203.0.113.30', default: true }))
  expect(spec).toEqual({ subnet: { cidr: '203.0.113.0/24', gateway: '203.0.113.254', allocationRanges: [{ start: '203.0.113.10', end: '203.0.113.20' }, { start: '203.0.113.30', end: '203.0.113.30' }] }, default: true })
  expect(addressPoolSpec.parse(poolSpecOf(poolDraftOf({ name: 'office', resourceVersion: '1' }, spec)))).toEqual(spec)
  expect(addressPoolSpec.parse(poolSpecOf({ ...draft, cidr: '2001:db8::/64', ranges: '2001:db8::10 - 2001:db8::20' })).subnet.allocationRanges).toEqual([{ start: '2001:db8::10', end: '2001:db8::20' }])
})
it('what is wrong stands at its field', () => {
  expect(problems({})).toEqual([])
  expect(problems({ cidr: '203.0.113.0/31' })).toEqual(['cidr: must have a prefix length from 8 to 29'])
  expect(problems({ gateway: '192.0.2.1' })).toEqual(['gateway: must be a host address of 203.0.113.0/24'])
  expect(problems({ ranges: '203.0.113.10 - 203.0.113.20\n203.0.113.9 - 192.0.2.1' })).toEqual(['ranges: line 2: must be a host address of 203.0.113.0/24'])
  expect(problems({ name: 'Office', ranges: 'all' }).map((each) => each.split(':')[0])).toEqual(['name', 'ranges', 'ranges'])
  expect(['spec.subnet', 'spec.subnet.allocationRanges[0].start', 'spec.default', 'name'].map(poolFieldOf)).toEqual(['cidr', 'ranges', 'default', 'name'])
})
