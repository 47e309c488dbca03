import { expect, it } from 'vitest'
import { canFence, isSamePlace, isShared, volumeStoreSpec } from './spec'

const problem = (value: object): string => volumeStoreSpec.safeParse(value).error?.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; ') ?? 'none'
const rbd = { kind: 'rbd', monitors: ['192.0.2.1:3300', '[2001:db8::1]:6789'], pool: 'volumes', user: 'hypernetes', networks: ['192.0.2.0/24'] }

it('a store is a folder, or a pool of Ceph', () => {
  expect(volumeStoreSpec.parse({ kind: 'file' })).toEqual({ kind: 'file', shared: false })
  const read = (value: object) => volumeStoreSpec.parse(value)
  expect([isShared(read({ kind: 'file' })), canFence(read({ kind: 'file' }))]).toEqual([false, false])
  expect([isShared(read({ kind: 'file', shared: true, folder: '/srv/volumes' })), canFence(read({ kind: 'file', shared: true, folder: '/srv/volumes' }))]).toEqual([true, false])
  expect([isShared(read(rbd)), canFence(read(rbd))]).toEqual([true, true])
})

it('a store is refused by the field that is wrong', () => {
  expect(problem({ kind: 'tape' })).toContain('must be file or rbd')
  expect(problem({ kind: 'file', shared: true })).toBe('folder: is required of a shared store: where each host has it mounted')
  expect(problem({ kind: 'file', folder: 'volumes' })).toBe('folder: must be an absolute path')
  for (const bad of ['mon.example:3300', '192.0.2.1', '192.0.2.300:3300', '192.0.2.1:0', '192.0.2.1:3300,x', '2001:db8::1:3300']) expect(problem({ ...rbd, monitors: [bad] }), bad).toContain('monitors.0: must be an address and a port')
  for (const bad of ['--pool', 'a/b', 'a b', '']) expect(problem({ ...rbd, pool: bad }), bad).toContain('pool: must ')
  expect(problem({ ...rbd, networks: [] })).toBe('networks: must name a subnet')
  expect(problem({ ...rbd, networks: ['192.0.2.1/24'] })).toContain('networks.0: must be a subnet')
  expect(problem({ ...rbd, key: 'AQ==' })).toContain('Unrecognized key')
})

it('two stores are at one place where a folder of one is the other\'s, or lies in it, or a pool is', () => {
  const isSame = (a: object, b: object) => [[a, b], [b, a]].map(([one, other]) => isSamePlace(volumeStoreSpec.parse(one), volumeStoreSpec.parse(other), '/var/lib/volumes'))
  const file = (folder?: string) => ({ kind: 'file', folder })
  for (const [a, b] of [['/srv/a', '/srv//./a/'], ['/srv/a', '/srv/a/volumes'], ['/', '/srv'], ['/var/lib/volumes/x', undefined], ['/var/lib', undefined]] as const) expect(isSame(file(a), file(b)), `${a} ${b ?? ''}`).toEqual([true, true])
  for (const [a, b] of [['/srv/a', '/srv/ab'], ['/srv/a', '/srv/b'], ['/srv/a', undefined], [undefined, undefined]] as const) expect(isSame(file(a), file(b)), `${a ?? ''} ${b ?? ''}`).toEqual([false, false])
  expect([isSame(rbd, { ...rbd, monitors: rbd.monitors.slice(1) }), isSame(rbd, { ...rbd, pool: 'other' }), isSame(rbd, { ...rbd, monitors: ['192.0.2.9:3300'] }), isSame(rbd, file('/srv'))]).toEqual([[true, true], [false, false], [false, false], [false, false]])
})
