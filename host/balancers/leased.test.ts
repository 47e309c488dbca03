import { expect, it } from 'vitest'
import type { ExternalMessage, ExternalObject } from '@/contracts/host/v1/external'
import { External } from './external'
import { balancer, silent } from './testing/balancer-lab'

const pool: ExternalObject = { kind: 'addressPool', uid: '00000000-0000-4000-8000-0000000000f0', name: 'default', cidr: '198.18.100.0/24', gateway: '198.18.100.1' }
const address: ExternalObject = { kind: 'floatingAddress', uid: pool.uid, address: '198.18.100.9', networkId: pool.uid, podUid: pool.uid, podAddress: '10.0.0.2', until: 15 }
const leased = { ...balancer(7), until: 15 }
const message = (fields: Partial<ExternalMessage>): ExternalMessage => ({ kind: 'externalObjects', complete: false, set: [], remove: [], ...fields })

function open(kept: ExternalObject[] = []) {
  const parts = { isDone: true, written: [] as (() => void)[] }
  const external = new External({
    kept: { all: () => kept, put: () => {}, written: () => new Promise((done) => parts.written.push(done)) },
    balancers: { take: () => {}, takeCertificates: () => {}, begin: () => {}, reports: () => [], report: () => null },
    addresses: { apply: () => {}, answer: () => {}, reports: () => [], report: () => null },
    log: silent, endsByItself: () => parts.isDone,
  })
  external.begin()
  return { external, parts }
}

it('a host says how many messages it carried out, where all that it answers for has an end', () => {
  const { external } = open([leased])
  expect(external.leased()).toBe(0)
  external.take(message({ complete: true, set: [pool, leased], more: true }))
  // Half of it is none.
  expect(external.leased()).toBe(0)
  external.take(message({ set: [address] }))
  expect(external.leased()).toBe(2)
  external.take(message({ set: [{ kind: 'backendServers', balancerUid: leased.uid, backend: 'web', servers: [] }] }))
  expect(external.leased()).toBe(3)
  // Another connection counts anew.
  external.begin()
  expect(external.leased()).toBe(0)
})

it.each([['a balancer', { ...leased, until: null }], ['an address', { ...address, until: null }], ['an address of an earlier server', { ...address, until: undefined }]])('it says nothing where %s may be answered for for ever', async (_, object) => {
  const { external, parts } = open()
  external.take(message({ complete: true, set: [pool, leased, address, object] }))
  expect(external.leased()).toBe(null)
  external.take(message({ remove: [`${object.kind}/${object.uid}`] }))
  // The next agent would not know it yet.
  expect(external.leased()).toBe(null)
  parts.written.forEach((done) => done())
  await Promise.resolve()
  expect(external.leased()).toBe(2)
  // What was written of before says nothing of what came since.
  external.take(message({ set: [object] }))
  external.take(message({ remove: [`${object.kind}/${object.uid}`] }))
  expect(external.leased()).toBe(null)
})

it('it says nothing while the kernel is not as far', () => {
  const { external, parts } = open()
  external.take(message({ complete: true, set: [pool, leased] }))
  parts.isDone = false
  expect(external.leased()).toBe(null)
})
