import type { ServicePort } from '../service/spec'
import { annotationPath, type BalancerProblem, type ServiceBalancerAnnotations } from './annotations'
import type { BalancerListener } from './model'

type Protocol = BalancerListener['protocol']

/** What a port of a Service speaks with clients: where the Service says https, port 80 speaks http, for nobody speaks https there. */
export function balancerProtocol({ port, protocol }: Pick<ServicePort, 'port' | 'protocol'>, asked: ServiceBalancerAnnotations['protocol'] = 'tcp'): Protocol {
  if (protocol === 'UDP') return 'udp'
  return asked === 'https' && port === 80 ? 'http' : asked
}

const ofHttp = ['sticky-cookie', 'max-body', 'backend-protocol', 'hosts', 'paths', 'request-timeout', 'tunnel-timeout'] as const
const notOfUdp = ['connect-timeout', 'client-timeout', 'server-timeout', 'max-connections', 'rate-limit', 'accept-proxy-protocol', 'send-proxy-protocol'] as const

/** An annotation that would do nothing is a mistake, and is told: somebody relies on it. */
export function onlyWhereItWorks(values: ServiceBalancerAnnotations, ports: readonly { port: Pick<ServicePort, 'port'>; protocol: Protocol }[]): BalancerProblem[] {
  const problems: BalancerProblem[] = []
  const problem = (name: string, message: string) => problems.push({ path: annotationPath(name), message })
  const speaks = (...protocols: Protocol[]) => ports.some(({ protocol }) => protocols.includes(protocol))
  if (!speaks('http', 'https')) for (const name of ofHttp) if (values[name] !== undefined) problem(name, `is for http alone, and no port speaks it: set ${annotationName('protocol')} to http or https, or remove it`)
  if (!speaks('tcp', 'http', 'https')) for (const name of notOfUdp) if (values[name] !== undefined) problem(name, 'is not carried out for UDP, and the service has no port of TCP: remove it')
  if (values.algorithm === 'leastconn' && !speaks('tcp', 'http', 'https')) problem('algorithm', 'must be roundrobin or source for UDP, which has no connections')
  if (values.protocol !== undefined && ports.length > 0 && !speaks('tcp', 'http', 'https')) problem('protocol', 'is for ports of TCP, and the service has none')
  else if (values.protocol === 'https' && !speaks('https')) problem('protocol', 'needs a port of TCP beside 80, such as 443: port 80 speaks http')
  else if (values.protocol === 'https' && !values.certificates) problem('certificates', 'is required where the protocol is https: name Secrets of type kubernetes.io/tls')
  if (values.certificates && values.protocol !== 'https') problem('certificates', `is for https alone: set ${annotationName('protocol')} to https, or remove it`)
  if (values['redirect-to-https'] && (!speaks('https') || !speaks('http'))) problem('redirect-to-https', `needs a port of https and port 80: set ${annotationName('protocol')} to https and name both ports`)
  return problems
}

const annotationName = (name: string): string => `balancer.hypernetes.io/${name}`
