import type { IngressBackend, IngressSpec } from '../ingress/spec'
import type { ServicePort, ServiceSpec } from '../service/spec'
import type { Labels } from '../shared/names'
import { annotationPath, readIngressAnnotations, type BalancerProblem, type IngressBalancerAnnotations } from './annotations'
import { certificateFits, chooseCertificates, type KnownCertificates } from './certificates'
import { algorithmOf, backendProtocol, finish, type Compiled } from './compile'
import type { BalancerBackend, BalancerListener } from './model'
import { allowedSources, optionsOf, uncountedClients } from './options'
import { orderRules, partNameOf, type RuleWish } from './rules'

/** `services`: those of the Ingress' namespace that it names, by name; what does not exist yet has no pods, and answers 503. */
export type IngressToCompile = { name: string; spec: IngressSpec; annotations: Labels; services: { get: (name: string) => ServiceSpec | undefined }; certificates: KnownCertificates }

/** An Ingress as a balancer: http on port 80 always, https on 443 where it has `tls`. */
export function compileIngress({ spec, annotations, services, certificates: known }: IngressToCompile): Compiled {
  const { values, problems } = readIngressAnnotations(annotations)
  if (problems.length > 0) return { problems }
  const backends = new Backends(services, values)
  const { rules, problems: collisions } = orderRules(wishesOf(spec, backends))
  problems.push(...collisions)
  const { allow, problems: notAllowed } = allowedSources(values.allow, [])
  problems.push(...notAllowed, ...(notAllowed.length > 0 ? [] : uncountedClients(values, allow)))
  if (values['redirect-to-https'] && spec.tls.length === 0) problems.push({ path: annotationPath('redirect-to-https'), message: 'needs spec.tls: without it nothing speaks https' })
  if (problems.length > 0) return { problems }
  const defaultBackend = spec.defaultBackend ? backends.nameOf(spec.defaultBackend, 'spec.defaultBackend') : null
  const { certificates, warnings } = chooseCertificates(spec.tls.map(({ secretName }, i) => ({ secret: secretName, at: `spec.tls[${i}].secretName` })), known)
  const shared = { rules, defaultBackend, acceptProxy: values['accept-proxy-protocol'] === true }
  const listeners: BalancerListener[] = [{ ...shared, port: 80, protocol: 'http', certificates: [], redirectToHttps: values['redirect-to-https'] ? 443 : null }]
  if (certificates.length > 0) listeners.push({ ...shared, port: 443, protocol: 'https', certificates: certificates.map(({ id }) => id), redirectToHttps: null })
  return finish({ model: { listeners, backends: backends.models(), options: optionsOf(values, allow) }, services: backends.services(), certificates }, [...warnings, ...notCovered(spec, known), ...backends.warnings])
}

function wishesOf({ rules, defaultBackend }: IngressSpec, backends: Backends): RuleWish[] {
  return rules.flatMap(({ host = null, http }, i) => {
    const at = `spec.rules[${i}]`
    if (http) return http.paths.map(({ path, pathType, backend }, j): RuleWish => ({ host, path: { type: pathType === 'Exact' ? 'Exact' : 'Prefix', value: path }, backend: backends.nameOf(backend, `${at}.http.paths[${j}].backend`), at: `${at}.http.paths[${j}].path` }))
    // A rule without paths leads all of its host to the default backend, before rules of a wildcard are asked.
    return defaultBackend && host !== null ? [{ host, path: null, backend: backends.nameOf(defaultBackend, 'spec.defaultBackend'), at: `${at}.host` }] : []
  })
}

/** The backends of an Ingress, each port of a service once. */
class Backends {
  readonly warnings: BalancerProblem[] = []
  readonly #found = new Map<string, { model: BalancerBackend; service: string; port: string | number }>()
  readonly #services: IngressToCompile['services']
  readonly #values: IngressBalancerAnnotations
  constructor(services: IngressToCompile['services'], values: IngressBalancerAnnotations) {
    this.#services = services
    this.#values = values
  }

  /** The name of the backend for a service's port; `at`: where it is named. */
  nameOf({ service: { name, port: asked } }: IngressBackend, at: string): string {
    const spec = this.#services.get(name) ?? null
    const found = spec ? portOf(spec, asked) : null
    const port = found ? (found.name ?? found.port) : (asked.name ?? asked.number ?? 0)
    // No service's name has a "_": two pairs never make one name.
    const backend = partNameOf(`${name}_${port}`)
    if (this.#found.has(backend)) return backend
    if (!spec) this.warnings.push({ path: `${at}.service.name`, message: `Service "${name}" does not exist in this namespace: what leads to it is answered with 503 until it does` })
    else if (spec.type === 'ExternalName') this.warnings.push({ path: `${at}.service.name`, message: `Service "${name}" is of type ExternalName, which balancers do not follow: what leads to it is answered with 503` })
    else if (!found) this.warnings.push({ path: `${at}.service.port`, message: `Service "${name}" has no such port of TCP: what leads to it is answered with 503` })
    const values = this.#values
    this.#found.set(backend, { service: name, port, model: { name: backend, mode: 'http', protocol: backendProtocol(found, values), sendProxy: values['send-proxy-protocol'] === true, algorithm: algorithmOf('http', spec, values), stickyCookie: values['sticky-cookie'] ?? null } })
    return backend
  }

  models = (): BalancerBackend[] => [...this.#found.values()].map(({ model }) => model)
  services = (): { backend: string; service: string; port: string | number }[] => [...this.#found.values()].map(({ model, service, port }) => ({ backend: model.name, service, port }))
}

const portOf = (spec: ServiceSpec, asked: IngressBackend['service']['port']): ServicePort | null => spec.ports.find(({ name, port, protocol }) => protocol === 'TCP' && (asked.name === undefined ? port === asked.number : name === asked.name)) ?? null

/** Hosts that `tls` names and whose certificate is for others: browsers refuse them. */
function notCovered({ tls }: IngressSpec, known: KnownCertificates): BalancerProblem[] {
  return tls.flatMap(({ hosts, secretName }, i) => {
    const certificate = known.get(secretName)
    if (!certificate || certificate.problem !== null || certificate.names.length === 0) return []
    return hosts.flatMap((host, j) => (certificateFits(certificate.names, host) ? [] : [{ path: `spec.tls[${i}].hosts[${j}]`, message: `the certificate in Secret "${secretName}" is not for ${host}: clients refuse it` }]))
  })
}
