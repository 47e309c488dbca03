import { describe, expect, it } from 'vitest'
import { resolveEnvironment } from '@/domain/pod/resolve-environment'
import { containerSpec, podSpec, type PodSpecInput } from '@/domain/pod/spec'
import { containerProcess, guestVolumes, stopSignal } from './container-process'
import { hostsFile, resolverFile, type PodResolvers } from './guest-files'
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

  it('has a terminal, input and part of a volume where it asks for them', () => {
    expect(process({ stdin: true, tty: true, volumeMounts: [{ name: 'v', mountPath: '/v', subPath: 'a/b' }] })).toMatchObject({ stdin: true, terminal: { columns: 80, rows: 24 }, mounts: [{ subPath: 'a/b' }], terminationMessagePath: '/dev/termination-log' })
    expect(process({ tty: true }).env).toContain('TERM=xterm')
    expect(process({ tty: true, env: [{ name: 'TERM', value: 'dumb' }] }).env).toContain('TERM=dumb')
    expect(process({}).terminal).toBeNull()
  })

  it('must have something to run', () => expect(() => process({}, { entrypoint: [], command: [] })).toThrow('Set command or args'))
})

const resolvers = (servers: string[], domain: string | null = null): PodResolvers => ({ servers, hostServers: ['192.0.2.53'], domain, namespace: 'shop' })
describe("a pod's surroundings", () => {
  it('are its volumes, hosts and resolvers', () => {
    const spec = podSpec.parse({ containers: [{ name: 'web', image: 'i' }], volumes: [{ name: 'a', emptyDir: {} }, { name: 'b', emptyDir: { medium: 'Memory', sizeLimit: '8Mi' } }] })
    expect(guestVolumes(spec)).toEqual([{ name: 'a', medium: 'scratch', sizeBytes: null }, { name: 'b', medium: 'memory', sizeBytes: 8 << 20 }])
    const disks = podSpec.parse({ containers: [{ name: 'web', image: 'i' }], volumes: [{ name: 'a', cinder: { volumeID: 'data' } }, { name: 'b', persistentVolumeClaim: { claimName: 'data' } }, { name: 'c', configMap: { name: 'x' } }] })
    expect(guestVolumes(disks).map(({ medium }) => medium)).toEqual(['disk', 'disk', 'files'])
    expect(hostsFile({ hostname: 'web', fullName: null }, ['10.0.0.5'])).toMatch(/^127\.0\.0\.1\tlocalhost\n[^]*\n10\.0\.0\.5\tweb\n$/)
    expect([resolverFile(resolvers([])), resolverFile(resolvers(['10.0.0.2', '10.0.0.3']))]).toEqual(['', 'nameserver 10.0.0.2\nnameserver 10.0.0.3\n'])
  })

  it('have its aliases, and its resolvers as dnsPolicy and dnsConfig say', () => {
    expect(hostsFile({ hostname: 'web', fullName: null }, ['10.0.0.5'], [{ ip: '10.0.0.9', hostnames: ['db', 'db.local'] }])).toMatch(/10\.0\.0\.5\tweb\n[^]*\n10\.0\.0\.9\tdb\tdb\.local\n$/)
    const dnsConfig = { nameservers: ['1.1.1.1', '10.0.0.2'], searches: ['a.example', 'b.example'], options: [{ name: 'ndots', value: '2' }, { name: 'edns0' }] }
    expect(resolverFile(resolvers(['10.0.0.2']), { dnsPolicy: 'ClusterFirst', dnsConfig })).toBe('nameserver 10.0.0.2\nnameserver 1.1.1.1\nsearch a.example b.example\noptions ndots:2 edns0\n')
    expect(resolverFile(resolvers(['10.0.0.2']), { dnsPolicy: 'None', dnsConfig: { ...dnsConfig, searches: [], options: [] } })).toBe('nameserver 1.1.1.1\nnameserver 10.0.0.2\n')
    expect(resolverFile(resolvers(['1', '2', '3']), { dnsConfig: { ...dnsConfig, searches: [], options: [] } }).split('\n')).toHaveLength(4)
  })

  it('have all of its addresses by its full name, and complete short names as Kubernetes does', () => {
    expect(hostsFile({ hostname: 'web-0', fullName: 'web-0.web.shop.svc.cluster.local' }, ['10.0.0.5', 'fd00::5'])).toMatch(/\n10\.0\.0\.5\tweb-0\.web\.shop\.svc\.cluster\.local\tweb-0\nfd00::5\tweb-0\.web\.shop\.svc\.cluster\.local\tweb-0\n$/)
    const network = resolvers(['10.0.0.1'], 'cluster.local')
    const own = 'nameserver 10.0.0.1\nsearch shop.svc.cluster.local svc.cluster.local cluster.local\noptions ndots:5\n'
    expect([resolverFile(network), resolverFile(network, { dnsPolicy: 'ClusterFirst' }), resolverFile(network, { dnsPolicy: 'Default' }), resolverFile(network, { dnsPolicy: 'None' })]).toEqual([own, own, 'nameserver 192.0.2.53\n', ''])
    const dnsConfig = { nameservers: ['1.1.1.1'], searches: ['cluster.local', 'a.example'], options: [{ name: 'ndots', value: '2' }] }
    expect(resolverFile(network, { dnsConfig })).toBe('nameserver 10.0.0.1\nnameserver 1.1.1.1\nsearch shop.svc.cluster.local svc.cluster.local cluster.local a.example\noptions ndots:2\n')
    expect(resolverFile(network, { dnsPolicy: 'None', dnsConfig })).toBe('nameserver 1.1.1.1\nsearch cluster.local a.example\noptions ndots:2\n')
  })

  it('are volumes of files where they come from configuration', () => {
    const spec = podSpec.parse({ containers: [{ name: 'web', image: 'i' }], volumes: [{ name: 'a', configMap: { name: 'x' } }, { name: 'b', projected: { sources: [] } }] })
    expect(guestVolumes(spec).map((v) => v.medium)).toEqual(['files', 'files'])
  })

  it.each([['', 'TERM'], ['SIGQUIT', 'QUIT'], ['quit', 'QUIT'], ['3', 'QUIT'], ['SIGWINCH', 'WINCH'], ['SIGRTMIN+3', 'RTMIN+3'], ['37', 'RTMIN+3'], ['RTMIN', 'RTMIN'], ['SIGRTMAX', 'RTMIN+30'], ['SIGRTMAX-14', 'RTMIN+16'], ['SIGRTMIN+31', 'TERM'], ['RTMIN-1', 'TERM'], ['14', 'ALRM'], ['31', 'SYS'], ['0', 'TERM'], ['32', 'TERM'], ['65', 'TERM'], ['SIGABRT', 'ABRT'], ['IOT', 'ABRT'], ['PWR', 'PWR'], ['nonsense', 'TERM']])('stop signal %j is %s', (text, signal) => {
    expect(stopSignal({ ...image, stopSignal: text })).toBe(signal)
  })
})
