import { describe, expect, it } from 'vitest'
import { parseManifest } from '../manifest/parse'
import { assignedVolumes, persistentVolumes, volumeReferences } from './persistent-volumes'
import { podReferences } from './references'
import { podSpec } from './spec'
import { isConfigurationVolume, isPersistentVolume } from './volume'

const uid = '651b2a7b-683e-47e1-bdd6-e3c62e8f91c0'
/** As the project's own announcement of 2016 writes it. */
const announced = `apiVersion: v1
kind: Pod
metadata:
  name: nginx
  labels:
    app: nginx
spec:
  containers:
  - name: nginx
    image: nginx
    ports:
    - containerPort: 80
    volumeMounts:
    - name: nginx-persistent-storage
      mountPath: /var/lib/nginx
  volumes:
  - name: nginx-persistent-storage
    cinder:
      volumeID: ${uid}
      fsType: ext4
`
const pod = (volumes: object[], container: object = {}, more: object = {}) => ({ containers: [{ name: 'a', image: 'busybox', ...container }], volumes, ...more })
const problems = (spec: object) => parseManifest(JSON.stringify({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'web' }, spec })).documents.flatMap((one) => one.problems.map(({ path, message }) => `${path}: ${message}`))

describe('volumes that outlive their pod', () => {
  it('are named as the announcement of 2016 has it, to the letter', () => {
    const [document] = parseManifest(announced).documents
    expect(document?.problems).toEqual([])
    const object = document?.object
    if (object?.kind !== 'Pod') throw new Error('no pod')
    expect(object.spec.volumes).toEqual([{ name: 'nginx-persistent-storage', cinder: { volumeID: uid, fsType: 'ext4', readOnly: false } }])
    expect(persistentVolumes(object.spec)).toEqual([{ name: 'nginx-persistent-storage', reference: { kind: 'Volume', name: uid, optional: false }, readOnly: false, isBlock: false, fsType: 'ext4' }])
  })

  it('are named by claims, mounted in part, and given as devices', () => {
    const spec = podSpec.parse(pod(
      [{ name: 'data', persistentVolumeClaim: { claimName: 'data', readOnly: true } }, { name: 'raw', cinder: { volumeID: 'disk.1' } }, { name: 'idle', cinder: { volumeID: 'other', readOnly: true } }, { name: 'tmp', emptyDir: {} }, { name: 'c', configMap: { name: 'c' } }],
      { volumeMounts: [{ name: 'data', mountPath: '/data', subPath: 'a/b', readOnly: true }], volumeDevices: [{ name: 'raw', devicePath: '/dev/xvda' }] },
    ))
    expect(persistentVolumes(spec).map(({ name, readOnly, isBlock }) => [name, readOnly, isBlock])).toEqual([['data', true, false], ['raw', false, true], ['idle', true, null]])
    expect(volumeReferences(spec).map(({ kind, name }) => `${kind}/${name}`)).toEqual(['PersistentVolumeClaim/data', 'Volume/disk.1', 'Volume/other'])
    expect(podReferences(spec).map(({ kind }) => kind)).toEqual(['ConfigMap', 'PersistentVolumeClaim', 'Volume', 'Volume'])
    expect(spec.volumes.map((volume) => [isPersistentVolume(volume), isConfigurationVolume(volume)])).toEqual([[true, false], [true, false], [true, false], [false, false], [false, true]])
  })

  it('are left out of what hosts are told where there are none, also where a manifest lists none', () => {
    const told = (containers: object) => JSON.stringify(podSpec.parse(pod([], containers, { initContainers: [{ name: 'i', image: 'b', ...containers }] })))
    expect(told({ volumeDevices: [] })).toBe(told({}))
    expect(told({})).not.toContain('volumeDevices')
  })

  it('are refused at the field that is wrong', () => {
    const data = { name: 'data', cinder: { volumeID: 'data' } }
    expect(problems(pod([{ name: 'data', cinder: { volumeID: '../x' } }]))).toEqual([expect.stringContaining('spec.volumes[0].cinder.volumeID: must consist of')])
    expect(problems(pod([{ name: 'data', cinder: { volumeID: 'x', fsType: 'btrfs' } }]))).toEqual(['spec.volumes[0].cinder.fsType: must be ext4 or xfs'])
    expect(problems(pod([{ name: 'data', cinder: { volumeID: 'x', fsType: '', secretRef: null } }]))).toEqual([])
    expect(problems(pod([{ name: 'data', cinder: { volumeID: 'x', secretRef: { name: 's' } } }]))).toEqual([expect.stringContaining('spec.volumes[0].cinder.secretRef: Kubernetes has this field')])
    expect(problems(pod([{ ...data, emptyDir: {} }]))).toEqual([expect.stringContaining('spec.volumes[0]: must have exactly one of emptyDir')])
    expect(problems(pod([data, { ...data, name: 'again' }]))).toEqual(['spec.volumes[1]: names the same volume as another entry of this pod: mount that one several times instead'])
    expect(problems(pod(Array.from({ length: 21 }, (_, i) => ({ name: `v${i}`, cinder: { volumeID: `v${i}` } }))))).toEqual([expect.stringContaining('spec.volumes: must have at most 20 volumes')])
  })

  it('are devices or file systems, in all containers alike', () => {
    const devices = { volumeDevices: [{ name: 'data', devicePath: '/dev/xvda' }] }
    const data = { name: 'data', cinder: { volumeID: 'data' } }
    expect(problems(pod([], devices))).toEqual(['spec.containers[0].volumeDevices[0].name: no volume "data" is in spec.volumes'])
    expect(problems(pod([{ name: 'data', emptyDir: {} }], devices))).toEqual([expect.stringContaining('the volume "data" is no disk of its own')])
    expect(problems(pod([data], devices, { initContainers: [{ name: 'i', image: 'b', volumeMounts: [{ name: 'data', mountPath: '/x' }] }] }))).toEqual([expect.stringContaining('the volume "data" is mounted by a container of this pod')])
    expect(problems(pod([data, { name: 'two', cinder: { volumeID: 'two' } }], { volumeDevices: [...devices.volumeDevices, { name: 'two', devicePath: '/dev/xvda' }] }))).toEqual(['spec.containers[0].volumeDevices[1].devicePath: another device is there'])
  })
})

describe('what a host is told of a pod\'s volumes', () => {
  const spec = podSpec.parse(pod([{ name: 'data', cinder: { volumeID: uid } }, { name: 'logs', persistentVolumeClaim: { claimName: 'logs' } }]))
  const attachment = (name: string, more: object = {}) => ({ uid: `of-${name}`, volumeUid: uid, name, readOnly: false, hostId: 'h1', epoch: 3n, phase: 'Attaching', ...more })

  it('are those that it may open, by the names of the spec', () => {
    expect(assignedVolumes(spec, 'h1', [attachment('data'), attachment('logs', { phase: 'Attached', readOnly: true }), attachment('hot-1')])).toEqual([
      { name: 'data', volumeUid: uid, attachmentUid: 'of-data', epoch: 3, readOnly: false },
      { name: 'logs', volumeUid: uid, attachmentUid: 'of-logs', epoch: 3, readOnly: true },
    ])
  })

  it('are none that it waits for, lets go of, or another host has', () => {
    const others = [{ phase: 'Waiting', hostId: null, epoch: null }, { phase: 'Detaching' }, { hostId: 'h2' }]
    expect(others.map((more) => assignedVolumes(spec, 'h1', [attachment('data', more)]))).toEqual([[], [], []])
    expect(assignedVolumes(podSpec.parse(pod([])), 'h1', [])).toBeUndefined()
  })
})

it('a pod without any has a spec that agents of before volumes read, who refuse a field that they do not know', () => {
  const read = podSpec.parse(pod([{ name: 'e', emptyDir: {} }], {}, { initContainers: [{ name: 'i', image: 'b' }] }))
  const known = ['args', 'command', 'env', 'envFrom', 'image', 'name', 'ports', 'resources', 'stdin', 'stdinOnce', 'terminationMessagePath', 'terminationMessagePolicy', 'tty', 'volumeMounts']
  for (const container of [...read.containers, ...read.initContainers]) expect(Object.keys(container).sort()).toEqual(known)
  expect(read.volumes).toEqual([{ name: 'e', emptyDir: { medium: '' } }])
})
