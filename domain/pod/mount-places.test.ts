import { expect, it } from 'vitest'
import { problemCollector } from '../manifest/check'
import { readPodSpec } from './manifest'
import { podSpec } from './spec'

const volumes = [{ name: 'disk', persistentVolumeClaim: { claimName: 'c' } }, { name: 'tmp', emptyDir: {} }, { name: 'conf', configMap: { name: 'c' } }]
const specOf = (...mounts: [string, string][]) => ({ containers: [{ name: 'a', image: 'busybox', volumeMounts: mounts.map(([name, mountPath]) => ({ name, mountPath })) }], volumes })
function read(spec: unknown) {
  const { problems, collect } = problemCollector()
  return { spec: readPodSpec(spec, ['spec'], collect), problems: problems.map(({ path, message }) => `${path}: ${message}`) }
}

it('a new pod has no disk over the kernel\'s folders, and nothing over /proc and the image itself', () => {
  const { spec, problems } = read(specOf(['disk', '//proc/'], ['disk', '/sys/fs/cgroup'], ['disk', '/dev/data'], ['tmp', '/proc/x'], ['conf', '//']))
  expect(spec).toBeNull()
  expect(problems.map((text) => text.split(', for ')[0])).toEqual([
    'spec.containers[0].volumeMounts[0].mountPath: must not be /proc',
    'spec.containers[0].volumeMounts[1].mountPath: must not be below /sys',
    'spec.containers[0].volumeMounts[2].mountPath: must not be below /dev',
    'spec.containers[0].volumeMounts[3].mountPath: must not be below /proc',
    expect.stringContaining('spec.containers[0].volumeMounts[4].mountPath: must be a folder below "/"'),
  ])
  expect(read(specOf(['tmp', '/a/../proc'])).problems).toEqual(['spec.containers[0].volumeMounts[0].mountPath: must not contain "..", ":" or a zero byte'])
})

it('a new pod has its devices where devices are, init containers too', () => {
  const container = (devicePath: string) => ({ name: 'a', image: 'busybox', volumeDevices: [{ name: 'disk', devicePath }] })
  expect(read({ initContainers: [container('/sys/x')], containers: [{ name: 'b', image: 'busybox' }], volumes }).problems).toEqual([expect.stringContaining('spec.initContainers[0].volumeDevices[0].devicePath: must not be below /sys')])
  expect(read({ containers: [container('/dev/data')], volumes }).problems).toEqual([])
})

it('what images ask for stays: shared memory, and what lives in the pod\'s own machine below /sys, /dev, /run and /etc', () => {
  expect(read(specOf(['tmp', '/dev/shm'], ['disk', '/dev/shm/kept'], ['tmp', '/sys/fs/cgroup'], ['tmp', '/dev/hugepages'], ['conf', '/var/run/secrets/c'], ['conf', '/etc/hosts'], ['disk', '/data'])).problems).toEqual([])
})

it('a pod of before is read as it is', () => {
  expect(podSpec.safeParse(specOf(['disk', '/proc'])).success).toBe(true)
})
