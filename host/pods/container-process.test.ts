import { describe, expect, it } from 'vitest'
import { resolveEnvironment } from '@/domain/pod/resolve-environment'
import { containerSpec, podSpec, type PodSpecInput } from '@/domain/pod/spec'
import { containerProcess, guestVolumes, stopSignal } from './container-process'
import { hostsFile, resolverFile } from './guest-files'
import type { ImageConfig } from './ports'

const facts = { name: 'pod-1', namespace: 'default', uid: 'u', labels: {}, annotations: {}, podIP: '10.0.0.5', hostName: 'host' }
const image: ImageConfig = { entrypoint: ['/entry', '-e'], command: ['cmd', '$(NAME)'], environment: ['PATH=/image', 'A=image', 'EMPTY=', 'broken', '=nameless'], workingDir: '/work', user: 'app', stopSignal: '' }

function process(container: Partial<PodSpecInput['containers'][number]>, config: Partial<ImageConfig> = {}, pod: Partial<PodSpecInput> = {}) {
  const spec = podSpec.parse({ containers: [{ name: 'web', image: 'i' }], ...pod })
  const own = containerSpec.parse({ name: 'web', image: 'i', ...container })
  return containerProcess({ pod: spec, container: own, image: { ...image, ...config }, imageKey: 'image0', hostname: 'pod-1', env: resolveEnvironment(own, spec, null, facts).env })
}

describe("a container's process", () => {
  it.each([
    [[], [], ['/entry', '-e', 'cmd', '$(NAME)']],
    [['/own'], [], ['/own']],
    [[], ['x'], ['/entry', '-e', 'x']],
    [['/own'], ['x'], ['/own', 'x']],
  ])('with command %j and args %j runs %j', (command, args, expected) => expect(process({ command, args }).args).toEqual(expected))

  it('has the image\'s environment, then its own with what it refers to', () => {
    const { env, args } = process({ args: ['$(A)-$(B)', '$$(A)', '$(NOT)', '$(PATH)'], env: [{ name: 'A', value: 'own' }, { name: 'B', value: '<$(A)>' }] })
    expect(env).toEqual(['PATH=/image', 'HOSTNAME=pod-1', 'A=own', 'EMPTY=', 'B=<own>'])
    expect(args.slice(2)).toEqual(['own-<own>', '$(A)', '$(NOT)', '$(PATH)'])
  })

  it('has a PATH where the image names none', () => expect(process({}, { environment: [] }).env[0]).toMatch(/^PATH=.*\/bin/))

  it('runs where and as whom the container, the pod or the image says', () => {
    expect(process({})).toMatchObject({ cwd: '/work', user: 'app', runAsUser: null, runAsGroup: null })
    expect(process({ workingDir: '/own', securityContext: { runAsUser: 5 } }, {}, { securityContext: { runAsUser: 7, runAsGroup: 8 } })).toMatchObject({ cwd: '/own', runAsUser: 5, runAsGroup: 8 })
    expect(process({}, { workingDir: '' }).cwd).toBe('/')
  })

  it('has the limits and mounts of its container', () => {
    expect(process({ resources: { limits: { memory: '64Mi', cpu: '250m' } }, volumeMounts: [{ name: 'v', mountPath: '/v', readOnly: true }] })).toMatchObject({
      memoryBytes: 64 << 20,
      cpuMillis: 250,
      mounts: [{ volume: 'v', path: '/v', readOnly: true }],
    })
    expect(process({})).toMatchObject({ memoryBytes: null, cpuMillis: null, mounts: [] })
  })

  it('must have something to run', () => expect(() => process({}, { entrypoint: [], command: [] })).toThrow('Set command or args'))
})

describe("a pod's surroundings", () => {
  it('are its volumes, hosts and resolvers', () => {
    const spec = podSpec.parse({ containers: [{ name: 'web', image: 'i' }], volumes: [{ name: 'a', emptyDir: {} }, { name: 'b', emptyDir: { medium: 'Memory', sizeLimit: '8Mi' } }] })
    expect(guestVolumes(spec)).toEqual([{ name: 'a', medium: 'scratch', sizeBytes: null }, { name: 'b', medium: 'memory', sizeBytes: 8 << 20 }])
    expect(hostsFile('web', '10.0.0.5')).toMatch(/^127\.0\.0\.1\tlocalhost\n[^]*\n10\.0\.0\.5\tweb\n$/)
    expect([resolverFile([]), resolverFile(['10.0.0.2', '10.0.0.3'])]).toEqual(['', 'nameserver 10.0.0.2\nnameserver 10.0.0.3\n'])
  })

  it.each([['', 'TERM'], ['SIGQUIT', 'QUIT'], ['quit', 'QUIT'], ['3', 'QUIT'], ['SIGWINCH', 'WINCH'], ['SIGRTMIN+3', 'TERM'], ['nonsense', 'TERM']])('stop signal %j is %s', (text, signal) => {
    expect(stopSignal({ ...image, stopSignal: text })).toBe(signal)
  })
})
