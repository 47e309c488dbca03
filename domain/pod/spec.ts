import { z } from 'zod'
import { formatIp, isIp, parseIp } from '../shared/ip'
import { dnsLabel, dnsSubdomain } from '../shared/names'
import { containerSpec, initContainerSpec, type ContainerSpec, type InitContainerSpec } from './container'
import { duplicates, text, wholeNumber } from './fields'
import { podSecurityContext } from './security-context'
import { persistentVolumeProblems } from './persistent-volume-problems'
import { volumeSpec } from './volume'

export { containerSpec, pullPolicy, type ContainerSpec, type InitContainerSpec } from './container'
export type { VolumeSpec } from './volume'

/**
 * The part of Kubernetes' PodSpec that Hypernetes carries out, with Kubernetes' defaults filled in. What Kubernetes
 * has beyond it is told apart in kubernetes-fields.ts, so that it is refused by name and never dropped.
 */
const ipAddress = z.union([z.ipv4(), z.ipv6()], { error: 'must be an IP address' })
const hostAlias = z.strictObject({ ip: ipAddress, hostnames: z.array(dnsSubdomain).min(1, 'must have at least one name').max(100) })
const dnsConfig = z.strictObject({
  nameservers: z.array(ipAddress).max(3, 'must be at most 3').default([]),
  searches: z.array(text.max(255).regex(/^[-_.a-zA-Z0-9]+$/, 'must be a domain')).max(32).default([]),
  options: z.array(z.strictObject({ name: text.regex(/^[-a-z0-9]+$/, 'must be the name of an option').max(64), value: text.max(64).regex(/^[^\s]*$/, 'must not hold blanks').optional() })).max(32).default([]),
})

/** Hypernetes' own part: the pod's place in its namespace's network. Without it the pod gets an address of each family's first subnet. */
const podNetwork = z.strictObject({
  subnet: dnsLabel.optional(),
  /** Asked for, at most one a family; each lies in a subnet of the network. */
  addresses: z.array(z.string({ error: 'must be an IP address: quote it' }).refine(isIp, 'must be an IP address').transform((text) => formatIp(parseIp(text)))).max(2, 'must be at most one a family').default([]),
  securityGroups: z.array(dnsLabel).max(10, 'must be at most 10').default([]),
})

export const podSpec = z
  .strictObject({
    initContainers: z.array(initContainerSpec).max(20, 'must have at most 20 init containers').default([]),
    containers: z.array(containerSpec, { error: 'must be a list with at least one container' }).min(1, 'must have at least one container').max(20, 'must have at most 20 containers'),
    volumes: z.array(volumeSpec).max(50).default([]),
    restartPolicy: z.enum(['Always', 'OnFailure', 'Never'], { error: 'must be Always, OnFailure or Never' }).default('Always'),
    terminationGracePeriodSeconds: z.number().int().min(0).max(3600, 'must be at most 3600').default(30),
    activeDeadlineSeconds: wholeNumber(1, 2 ** 31 - 1).optional(),
    hostname: dnsLabel.optional(),
    /** With it the pod's name is `<hostname>.<subdomain>.<namespace>.svc.<domain>` where a headless service is called so. */
    subdomain: dnsLabel.optional(),
    network: podNetwork.optional(),
    securityContext: podSecurityContext.optional(),
    imagePullSecrets: z.array(z.strictObject({ name: dnsSubdomain })).max(10).default([]),
    hostAliases: z.array(hostAlias).max(100).default([]),
    dnsPolicy: z.enum(['ClusterFirst', 'Default', 'None'], { error: 'must be ClusterFirst, Default or None' }).default('ClusterFirst'),
    dnsConfig: dnsConfig.optional(),
  })
  .superRefine((spec, context) => {
    const problem = (path: (string | number)[], message: string) => context.addIssue({ code: 'custom', path, message })
    const all = [
      ...spec.initContainers.map((container, i) => ({ container, at: ['initContainers', i] as (string | number)[] })),
      ...spec.containers.map((container, i) => ({ container, at: ['containers', i] as (string | number)[] })),
    ]
    for (const i of duplicates(all.map(({ container }) => container.name))) problem([...all[i]!.at, 'name'], 'is the name of another container of this pod')
    for (const i of duplicates(spec.volumes.map((v) => v.name))) problem(['volumes', i, 'name'], 'is the name of another volume of this pod')
    const volumes = new Set(spec.volumes.map((v) => v.name))
    const ports = spec.containers.flatMap((c, i) => c.ports.map((p, j) => ({ key: `${p.containerPort}/${p.protocol}`, path: ['containers', i, 'ports', j, 'containerPort'] })))
    for (const i of duplicates(ports.map((p) => p.key))) problem(ports[i]!.path, `${ports[i]!.key} is taken: the containers of a pod share one network`)
    const asked = spec.network?.addresses ?? []
    if (asked.length === 2 && asked[0]!.includes(':') === asked[1]!.includes(':')) problem(['network', 'addresses', 1], 'must be of another family than the one before it')
    for (const i of duplicates(spec.network?.securityGroups ?? [])) problem(['network', 'securityGroups', i], 'is named twice')
    if (spec.dnsPolicy === 'None' && !spec.dnsConfig?.nameservers.length) problem(['dnsConfig', 'nameservers'], 'must name a server where dnsPolicy is None')
    for (const { path, message } of persistentVolumeProblems(spec)) problem(path, message)
    for (const { container, at } of all) {
      for (const [j, mount] of container.volumeMounts.entries()) if (!volumes.has(mount.name)) problem([...at, 'volumeMounts', j, 'name'], `no volume "${mount.name}" is in spec.volumes`)
      for (const j of duplicates(container.volumeMounts.map((m) => m.mountPath))) problem([...at, 'volumeMounts', j, 'mountPath'], 'another volume is mounted there')
      for (const j of duplicates((container.volumeDevices ?? []).map((d) => d.devicePath))) problem([...at, 'volumeDevices', j, 'devicePath'], 'another device is there')
      for (const j of duplicates(container.ports.map((p) => p.name))) problem([...at, 'ports', j, 'name'], 'is the name of another port of this container')
      for (const [path, port] of namedPorts(container)) if (!container.ports.some((p) => p.name === port)) problem([...at, ...path], `no port of this container is called "${port}"`)
    }
  })

/** Every place in a container where a handler names one of its ports by name. */
function namedPorts(container: ContainerSpec): [(string | number)[], string][] {
  const handlers = [
    [['livenessProbe'], container.livenessProbe], [['readinessProbe'], container.readinessProbe], [['startupProbe'], container.startupProbe],
    [['lifecycle', 'postStart'], container.lifecycle?.postStart], [['lifecycle', 'preStop'], container.lifecycle?.preStop],
  ] as const
  return handlers.flatMap(([path, handler]) =>
    (['httpGet', 'tcpSocket'] as const).flatMap((kind): [(string | number)[], string][] => {
      const port = handler?.[kind]?.port
      return typeof port === 'string' ? [[[...path, kind, 'port'], port]] : []
    }),
  )
}

export type PodSpec = z.infer<typeof podSpec>
/** A spec as a user may send it: what has a default may be left out. */
export type PodSpecInput = z.input<typeof podSpec>

/** What a container is in its pod's life. */
export type ContainerRole = 'init' | 'sidecar' | 'container'
export const roleOfInit = (container: Pick<InitContainerSpec, 'restartPolicy'>): ContainerRole => (container.restartPolicy === 'Always' ? 'sidecar' : 'init')

/** All containers of a pod in the order in which they start, each with its role. */
export function podContainers(spec: PodSpec): { spec: ContainerSpec; role: ContainerRole }[] {
  return [...spec.initContainers.map((c) => ({ spec: c as ContainerSpec, role: roleOfInit(c) })), ...spec.containers.map((c) => ({ spec: c, role: 'container' as const }))]
}
