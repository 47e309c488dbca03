import { expect, it } from 'vitest'
import { volumeStoreSpec } from '@/domain/volume-store/spec'
import { newStoreDraft, storeDraftOf, storeDraftSchemaOf, storeFieldOf, storeSpecOf } from './store-draft'
import { roomOf } from './room'

const file = { ...newStoreDraft(), name: 'local' }
const ceph = { ...newStoreDraft(), name: 'ceph', kind: 'rbd' as const, monitors: '192.0.2.1:3300\n192.0.2.2:3300', pool: 'volumes', user: 'hypernetes', networks: '192.0.2.0/24', key: 'AQ==' }
const problems = (draft: typeof file | typeof ceph, needsKey = true) => storeDraftSchemaOf(needsKey).safeParse(draft).error?.issues.map(({ path, message }) => `${path.join('.')}: ${message}`) ?? []

it('what is chosen is what is sent, and comes back without the key', () => {
  expect(storeSpecOf(file)).toEqual({ kind: 'file', shared: false })
  expect(storeSpecOf(ceph)).toEqual({ kind: 'rbd', monitors: ['192.0.2.1:3300', '192.0.2.2:3300'], pool: 'volumes', user: 'hypernetes', networks: ['192.0.2.0/24'] })
  expect(storeDraftOf('ceph', volumeStoreSpec.parse(storeSpecOf(ceph)))).toEqual({ ...ceph, key: '' })
  expect(storeDraftOf('local', volumeStoreSpec.parse(storeSpecOf({ ...file, folder: '/srv/volumes', shared: true })))).toEqual({ ...file, folder: '/srv/volumes', shared: true })
})
it('what is wrong stands at its field', () => {
  expect([problems(file), problems(ceph), problems({ ...ceph, key: '' }, false)]).toEqual([[], [], []])
  expect(problems({ ...ceph, key: '' })).toEqual(['key: is required: hosts open images with it'])
  expect(problems({ ...ceph, monitors: '192.0.2.1:3300\nceph' })).toEqual([expect.stringMatching(/^monitors: line 2: must be an address and a port/)])
  expect(problems({ ...ceph, networks: '' })).toEqual(['networks: must name a subnet'])
  expect(problems({ ...file, shared: true })).toEqual([expect.stringMatching(/^folder: is required of a shared store/)])
  expect(['spec.monitors[0]', 'spec.networks.1', 'spec.pool', 'name', 'key'].map(storeFieldOf)).toEqual(['monitors', 'networks', 'pool', 'name', 'key'])
})
it('the room of a shared store is what its hosts say once, of another what all of them have', () => {
  const host = (name: string, totalBytes: number | null, freeBytes: number | null) => ({ host: name, heard: true, reachable: true, message: '', totalBytes, freeBytes, at: '2026-11-26T00:00:00Z' })
  const hosts = [host('a', 100, 40), host('b', 100, 30), host('c', null, null)]
  expect(roomOf({ kind: 'file', shared: false }, hosts)).toEqual({ totalBytes: 200, usedBytes: 130 })
  expect(roomOf({ kind: 'file', shared: true, folder: '/srv' }, hosts)).toEqual({ totalBytes: 100, usedBytes: 70 })
  expect(roomOf({ kind: 'file', shared: false }, [])).toBeNull()
})
