import { describe, expect, it } from 'vitest'
import { resolveIdentity, type IdentityRequest } from '@/guest/users'

const passwd = 'root:x:0:0:root:/root:/bin/sh\napp:x:1000:1001::/home/app:/bin/sh\nbroken line\nlazy:x:x:1::\n'
const group = 'root:x:0:\napp:x:1001:\nextra:x:1005:other,app\nweb:x:33:\n'

function resolve(request: Partial<IdentityRequest>) {
  return resolveIdentity(passwd, group, { user: '', runAsUser: null, runAsGroup: null, supplementalGroups: [], ...request })
}

describe("a container's user", () => {
  it('is root where nothing is said', () => {
    expect(resolve({})).toEqual({ uid: 0, gid: 0, groups: [0], home: '/root' })
  })

  it('is found by name and by number, with its groups', () => {
    const app = { uid: 1000, gid: 1001, groups: [1001, 1005], home: '/home/app' }
    expect(resolve({ user: 'app' })).toEqual(app)
    expect(resolve({ user: '1000' })).toEqual(app)
    expect(resolve({ runAsUser: 1000 })).toEqual(app)
  })

  it('takes a group beside it, which leaves the memberships out', () => {
    expect(resolve({ user: 'app:web' })).toMatchObject({ uid: 1000, gid: 33, groups: [33] })
    expect(resolve({ user: 'app:77' })).toMatchObject({ gid: 77 })
    expect(resolve({ user: ':web' })).toMatchObject({ uid: 0, gid: 33 })
  })

  it('may be a number the image does not know', () => {
    expect(resolve({ user: '4242' })).toEqual({ uid: 4242, gid: 0, groups: [0], home: '/' })
    expect(resolve({ user: 'app', runAsUser: 4242, runAsGroup: 7, supplementalGroups: [8, 7] })).toEqual({ uid: 4242, gid: 7, groups: [7, 8], home: '/' })
  })

  it('is refused by name where the image lacks it', () => {
    expect(() => resolve({ user: 'nobody-here' })).toThrow('no such user')
    expect(() => resolve({ user: 'lazy' })).toThrow('no such user')
    expect(() => resolve({ user: 'app:nothing' })).toThrow('no such group')
  })
})
