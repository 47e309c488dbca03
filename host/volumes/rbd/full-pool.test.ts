import { describe, expect, it } from 'vitest'
import { fullPoolRequest } from './full-pool'
import { freeOf } from './pool-gauge'

const at = { pool: 'p', namespace: 'n' }

describe('what is asked of a full pool', () => {
  it('is what reads and what makes room, in the words of the programs', () => {
    const rbd = (...args: string[]) => fullPoolRequest('rbd', args)
    expect(rbd('ls', 'p/n', '--format', 'json')).toEqual({ ...at, verb: 'ls', rest: [] })
    expect(rbd('ls', '--long', 'p/n', '--format', 'json')).toEqual({ ...at, verb: 'ls --long', rest: [] })
    expect(rbd('trash', 'ls', '--all', 'p/n', '--format', 'json')).toEqual({ ...at, verb: 'trash ls', rest: [] })
    expect(rbd('info', 'p/n/one', '--format', 'json')).toEqual({ ...at, verb: 'info', rest: ['one'] })
    expect(rbd('snap', 'ls', '--all', 'p/n/one', '--format', 'json')).toEqual({ ...at, verb: 'snap ls', rest: ['one'] })
    expect(rbd('snap', 'rm', '--snap-id', '12', 'p/n/one')).toEqual({ ...at, verb: 'snap rm', rest: ['one', '12'] })
    expect(rbd('rename', 'p/n/one', 'p/n/two')).toEqual({ ...at, verb: 'rename', rest: ['one', 'two'] })
    expect(rbd('resize', '--no-progress', '--allow-shrink', '--size', '0B', 'p/n/one')).toEqual({ ...at, verb: 'shrink', rest: ['one', '0'] })
    expect(rbd('rm', '--no-progress', 'p/n/one')).toEqual({ ...at, verb: 'rm', rest: ['one'] })
    const rados = (...args: string[]) => fullPoolRequest('rados', ['--pool', 'p', '--namespace', 'n', ...args])
    expect(rados('setxattr', 'hypernetes.1', 'epoch.2', 'claimed')).toEqual({ ...at, verb: 'setxattr', rest: ['hypernetes.1', 'epoch.2', 'claimed'] })
    expect(rados('rm', 'hypernetes.1')).toEqual({ ...at, verb: 'rmobject', rest: ['hypernetes.1'] })
  })

  it('takes the name of a lock as it is, which a tenant writes', () => {
    const id = '--allow-shrink p/other/image@s'
    expect(fullPoolRequest('rbd', ['lock', 'rm', '--rbd-blocklist-on-break-lock', 'false', 'p/n/one', id, 'client.1'])).toEqual({ ...at, verb: 'lock rm', rest: ['one', id, 'client.1'] })
  })

  it('is nothing that takes room', () => {
    for (const args of [['create', '--size', '1B', 'p/n/one'], ['clone', 'p/n/one@s', 'p/n/two'], ['flatten', '--no-progress', 'p/n/one'], ['snap', 'create', '--no-progress', 'p/n/one@s'], ['resize', '--no-progress', '--size', '2B', 'p/n/one'], ['namespace', 'create', 'p/n'], ['import', 'file/name', 'p/n/one']]) {
      expect(fullPoolRequest('rbd', args), args.join(' ')).toBeNull()
    }
    expect(fullPoolRequest('rados', ['--pool', 'p', '--namespace', 'n', 'put', 'one', '-'])).toBeNull()
  })
})

it('what is free of a pool is what its quotas leave of what is available', () => {
  const pool = { stored: 60, max_avail: 100, objects: 5, quota_bytes: 0, quota_objects: 0 }
  expect(freeOf(pool)).toBe(100)
  expect(freeOf({ ...pool, quota_bytes: 90 })).toBe(30)
  expect(freeOf({ ...pool, quota_bytes: 500 })).toBe(100)
  expect(freeOf({ ...pool, quota_bytes: 50 })).toBe(0)
  expect(freeOf({ ...pool, quota_objects: 6 })).toBe(100)
  expect(freeOf({ ...pool, quota_objects: 5 })).toBe(0)
})
