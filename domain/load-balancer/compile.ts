import { balancerProtocol, onlyWhereItWorks } from './applicable'
import { annotationPath, readServiceAnnotations, type BalancerProblem, type ServiceBalancerAnnotations } from './annotations'
import { chooseCertificates, type KnownCertificates } from './certificates'
import { compiledBalancer, type CompiledBalancer } from './compiled'
import type { BalancerBackend, BalancerListener } from './model'
import { allowedSources, optionsOf, uncountedClients } from './options'
import { orderRules, partNameOf } from './rules'
import type { ServicePort, ServiceSpec } from '../service/spec'
import type { Labels } from '../shared/names'

/** `warnings`: what of it cannot be carried out yet, such as a certificate that does not exist; the rest works. `problems`: why nothing of it can. */
export type Compiled = { compiled: CompiledBalancer; warnings: BalancerProblem[] } | { problems: BalancerProblem[] }
export type ServiceToCompile = { name: string; spec: ServiceSpec; annotations: Labels; certificates: KnownCertificates }

/** A Service that wants an address outside of its network (domain/service/spec.ts, wantsOutside), as a balancer. */
export function compileService({ name, spec, annotations, certificates: known }: ServiceToCompile): Compiled {
  const { values, problems } = readServiceAnnotations(annotations)
  if (problems.length > 0) return { problems }
  const ports = spec.ports.map((port) => ({ port, protocol: balancerProtocol(port, values.protocol), backend: partNameOf(`${port.protocol.toLowerCase()}-${port.port}`) }))
  problems.push(...onlyWhereItWorks(values, ports))
  const { allow, problems: notAllowed } = allowedSources(values.allow, spec.loadBalancerSourceRanges)
  problems.push(...notAllowed, ...(notAllowed.length > 0 ? [] : uncountedClients(values, allow)))
  const { certificates, warnings } = chooseCertificates((values.certificates ?? []).map((secret) => ({ secret, at: annotationPath('certificates') })), known)
  const https = ports.find(({ port, protocol }) => protocol === 'https' && port.port === 443) ?? ports.find(({ protocol }) => protocol === 'https')
  const listeners = ports.flatMap(({ port, protocol, backend }): BalancerListener[] => {
    if (protocol === 'https' && certificates.length === 0) return []
    const isHttp = protocol === 'http' || protocol === 'https'
    const { rules, problems: collisions } = isHttp ? serviceRules(values, backend) : { rules: [], problems: [] }
    problems.push(...collisions)
    const redirects = protocol === 'http' && values['redirect-to-https'] === true
    return [{ port: port.port, protocol, certificates: protocol === 'https' ? certificates.map(({ id }) => id) : [], rules, defaultBackend: rules.length > 0 ? null : backend, redirectToHttps: redirects ? (https?.port.port ?? null) : null, acceptProxy: protocol !== 'udp' && values['accept-proxy-protocol'] === true }]
  })
  if (problems.length > 0) return { problems }
  return finish({
    model: { listeners, backends: ports.map(({ port, protocol, backend }) => serviceBackend(backend, port, protocol, spec, values)), options: optionsOf(values, allow) },
    services: ports.map(({ port, backend }) => ({ backend, service: name, port: port.name ?? port.port })),
    certificates,
  }, warnings)
}

/** Hosts times paths; none where neither is named. */
function serviceRules({ hosts, paths }: ServiceBalancerAnnotations, backend: string): ReturnType<typeof orderRules> {
  if (!hosts && !paths) return { rules: [], problems: [] }
  const wishes = (hosts ?? [null]).flatMap((host) => (paths ?? ['/']).map((value) => ({ host, path: { type: 'Prefix' as const, value }, backend, at: annotationPath(paths ? 'paths' : 'hosts') })))
  return orderRules(wishes)
}

function serviceBackend(name: string, port: ServicePort, protocol: BalancerListener['protocol'], spec: Pick<ServiceSpec, 'sessionAffinity'>, values: ServiceBalancerAnnotations): BalancerBackend {
  const mode = protocol === 'https' ? 'http' : protocol
  return { name, mode, protocol: mode === 'http' ? backendProtocol(port, values) : 'http1', sendProxy: mode !== 'udp' && values['send-proxy-protocol'] === true, algorithm: algorithmOf(mode, spec, values), stickyCookie: mode === 'http' ? (values['sticky-cookie'] ?? null) : null }
}

/** What its pods are spoken with: as the annotation says, else as Kubernetes' appProtocol does; gRPC is HTTP/2. */
export function backendProtocol(port: Pick<ServicePort, 'appProtocol'> | null, values: Pick<ServiceBalancerAnnotations, 'backend-protocol'>): BalancerBackend['protocol'] {
  const asked = values['backend-protocol'] ?? port?.appProtocol
  return asked === 'h2c' || asked === 'grpc' || asked === 'kubernetes.io/h2c' ? 'h2c' : 'http1'
}

/** The annotation's; else a service with sessionAffinity ClientIP keeps a client's address at a pod. Connections of UDP cannot be counted. */
export function algorithmOf(mode: BalancerBackend['mode'], spec: Pick<ServiceSpec, 'sessionAffinity'> | null, values: Pick<ServiceBalancerAnnotations, 'algorithm'>): BalancerBackend['algorithm'] {
  const asked = values.algorithm ?? (spec?.sessionAffinity === 'ClientIP' ? 'source' : 'roundrobin')
  return mode === 'udp' && asked === 'leastconn' ? 'roundrobin' : asked
}

/** More than this of one balancer would weigh on every host and message. */
const maxCompiledBytes = 256 << 10

/** What is stored was checked as a whole: no text is in it that the model does not allow. */
export function finish(balancer: CompiledBalancer, warnings: BalancerProblem[]): Compiled {
  if (balancer.model.listeners.length === 0) return { problems: warnings.length > 0 ? warnings : [{ path: 'spec.ports', message: 'must have at least one port' }] }
  const checked = compiledBalancer.safeParse(balancer)
  if (!checked.success) return { problems: checked.error.issues.slice(0, 10).map(({ path, message }) => ({ path: 'spec', message: `asks for more than a balancer can do: ${path.map(String).join('.')}: ${message}` })) }
  const bytes = JSON.stringify(checked.data).length
  if (bytes > maxCompiledBytes) return { problems: [{ path: 'spec', message: `makes rules of ${Math.ceil(bytes / 1024)} KiB, more than ${maxCompiledBytes / 1024}: use more than one balancer` }] }
  return { compiled: checked.data, warnings }
}
