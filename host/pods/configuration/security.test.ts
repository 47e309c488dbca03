import { describe, expect, it } from 'vitest'
import { containerSpec, podSpec, type PodSpecInput } from '@/domain/pod/spec'
import { testAssignment } from '../testing/assignment'
import { settle } from '../testing/fake-clock'
import { FakeHost } from '../testing/fake-host'
import { startWorker } from '../testing/worker'
import { processSecurity } from './security'

type Context = NonNullable<PodSpecInput['containers'][number]['securityContext']>
const security = (own: Context, shared: PodSpecInput['securityContext'] = {}, imageUser = 'app') =>
  processSecurity(podSpec.parse({ containers: [{ name: 'web', image: 'i' }], securityContext: shared }), containerSpec.parse({ name: 'web', image: 'i', securityContext: own }), imageUser)

describe("a container's rights", () => {
  it('are its own before those of the pod', () => {
    expect(security({}, { runAsUser: 7, runAsGroup: 8, fsGroup: 9, supplementalGroups: [9, 10] })).toEqual({ user: 'app', runAsUser: 7, runAsGroup: 8, supplementalGroups: [9, 10], readOnlyRoot: false, noNewPrivileges: false })
    expect(security({ runAsUser: 1, runAsGroup: 2, readOnlyRootFilesystem: true, allowPrivilegeEscalation: false }, { runAsUser: 7, runAsGroup: 8 })).toMatchObject({ runAsUser: 1, runAsGroup: 2, readOnlyRoot: true, noNewPrivileges: true })
    expect(security({ seccompProfile: { type: 'Unconfined' } }, { seccompProfile: { type: 'RuntimeDefault' } }).seccomp).toBeUndefined()
    expect(security({}, { seccompProfile: { type: 'RuntimeDefault' } }).seccomp).toBe('default')
    expect(security({ capabilities: { add: ['CAP_NET_ADMIN'], drop: ['ALL'] } }).capabilities).toEqual({ add: ['NET_ADMIN'], drop: ['ALL'] })
    expect(security({ privileged: true }, { seccompProfile: { type: 'RuntimeDefault' } })).toMatchObject({ privileged: true, noNewPrivileges: false })
    expect(security({ privileged: true }, { seccompProfile: { type: 'RuntimeDefault' } }).seccomp).toBeUndefined()
  })

  it.each([
    [{ runAsNonRoot: true, runAsUser: 0 }, '1', /runAsUser 0, which is root/],
    [{ runAsNonRoot: true }, '', /runs as root/],
    [{ runAsNonRoot: true }, '0:1', /runs as root/],
    [{ runAsNonRoot: true }, 'root', /runs as root/],
    [{ runAsNonRoot: true }, 'app', /"app" by name/],
  ])('with %j and the user %j of the image are refused', (own, user, message) => expect(() => security(own, {}, user)).toThrow(message))

  it('with runAsNonRoot take a user who is not root, and one that the container allows', () => {
    expect(security({ runAsNonRoot: true }, {}, '1000:1000').user).toBe('1000:1000')
    expect(security({ runAsNonRoot: true, runAsUser: 5 }, {}, 'root').runAsUser).toBe(5)
    expect(security({ runAsNonRoot: false }, { runAsNonRoot: true }, 'root').user).toBe('root')
  })

  it('that are refused keep the container waiting with what to do', async () => {
    const host = new FakeHost()
    const { status } = startWorker(host, testAssignment({ containers: [{ name: 'web', image: 'one:1', securityContext: { runAsNonRoot: true } }] }))
    await settle()
    expect(status('web')).toMatchObject({ state: 'Waiting', reason: 'CreateContainerConfigError', message: expect.stringContaining('Set securityContext.runAsUser') })
  })
})
