import { expect, it } from 'vitest'
import { storeTrouble, tenantWords } from './store-trouble'

const ceph = { kind: 'rbd' as const, monitors: ['192.0.2.7:3300', '[2001:db8::7]:6789'], pool: 'gold', user: 'hyper', networks: ['198.51.100.0/24'] }
const files = { kind: 'file' as const, folder: '/srv/gold', shared: true }

it('what names a store is told in other words, with what to do', () => {
  for (const message of ["error opening pool 'gold'", 'rbd status gold/ns/volume-1', 'client hyper may not', 'no answer from 192.0.2.7:3300', 'shut out 192.0.2.7:0/12', 'v2:[2001:db8::7]:6789', 'no way to 198.51.100.0/24']) {
    expect(tenantWords({ reason: 'Unreachable', message }, ceph)).toBe(storeTrouble('Unreachable'))
  }
  expect(tenantWords({ reason: 'NoSpace', message: 'write /srv/gold/v/1.qcow2: no space' }, files)).toBe(storeTrouble('NoSpace'))
})

it('what names none stays, and so does what a guest says of its own paths', () => {
  expect(tenantWords({ reason: 'NoSpace', message: 'The store has no room, goldfish or not.' }, ceph)).toBe('The store has no room, goldfish or not.')
  expect(tenantWords({ reason: 'FilesystemDamaged', message: 'gold at /srv/gold' }, files)).toBe('gold at /srv/gold')
  expect(tenantWords({ reason: 'Unreachable', message: '/srv' }, { kind: 'file', shared: false })).toBe('/srv')
})

it('a reason that a host makes up is none of these words, whatever all objects have of that name', () => {
  for (const reason of ['constructor', 'toString', '__proto__']) {
    expect(storeTrouble(reason)).toMatch(/^Its store did not do/)
    expect(tenantWords({ reason, message: 'gold' }, ceph)).toBe('gold')
  }
})

it('each failure of a store has a cause and a next action', () => {
  for (const code of ['NotFound', 'Conflict', 'Stale', 'NoSpace', 'Unreachable', 'TooManySnapshots', 'Damaged', 'NotFenced', 'Another']) expect(storeTrouble(code)).toMatch(/^(Something|It|Its|What|Whoever) .*(tried again|Delete|tell the operator|by itself)/)
})
