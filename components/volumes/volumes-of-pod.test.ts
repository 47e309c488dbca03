import { expect, it } from 'vitest'
import { podSpec } from '@/domain/pod/spec'
import type { VolumeView } from '@/domain/volume/view'
import { volumesOfPod } from './volumes-of-pod'

const volume = (name: string, status: object = {}): VolumeView => ({ metadata: { name, uid: `uid-${name}` }, status: { claim: null, attachments: [], ...status } }) as unknown as VolumeView
const spec = podSpec.parse({
  containers: [{ name: 'main', image: 'busybox', volumeMounts: [{ name: 'data', mountPath: '/data' }, { name: 'data', mountPath: '/srv', subPath: 'web' }, { name: 'temp', mountPath: '/tmp/x' }, { name: 'claimed', mountPath: '/claimed' }] }],
  volumes: [{ name: 'temp', emptyDir: {} }, { name: 'data', cinder: { volumeID: 'uid-files' } }, { name: 'claimed', persistentVolumeClaim: { claimName: 'db', readOnly: true } }],
})
const pod = { metadata: { uid: 'p', namespace: 'shop' }, spec }
const attachment = (hot: boolean, podUid = 'p') => ({ podUid, hot, mounts: hot ? [{ container: 'a', mountPath: '/hot', readOnly: false }] : [], devices: hot ? [{ container: 'b', devicePath: '/dev/hot' }] : [], phase: 'Attached', readOnly: false })

it('a pod has what its spec names, by uid, name or claim, and what came while it ran', () => {
  const volumes = [volume('other', { attachments: [attachment(false, 'q')] }), volume('files', { attachments: [attachment(false)] }), volume('pvc-1', { claim: { namespace: 'shop', name: 'db' } }), volume('pvc-2', { claim: { namespace: 'other', name: 'db' } }), volume('late', { attachments: [attachment(true)] })]
  expect(volumesOfPod(pod, volumes).map(({ named, volume: found, attachment: at, places, readOnly }) => [named, found?.metadata.name, at?.phase, places, readOnly])).toEqual([
    [{ kind: 'Volume', name: 'uid-files' }, 'files', 'Attached', ['/data', '/srv'], false],
    [{ kind: 'PersistentVolumeClaim', name: 'db' }, 'pvc-1', undefined, ['/claimed'], true],
    [null, 'late', 'Attached', ['/hot', '/dev/hot'], false],
  ])
})
it('what it names in vain is shown too', () => {
  expect(volumesOfPod(pod, []).map(({ named, volume: found }) => [named?.name, found])).toEqual([['uid-files', null], ['db', null]])
  expect(volumesOfPod({ ...pod, spec: podSpec.parse({ containers: [{ name: 'main', image: 'busybox' }] }) }, [volume('files')])).toEqual([])
})
