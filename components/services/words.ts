import type { ServiceEndpointView, ServiceView } from '@/domain/service/view'
import type { StateShape } from '@/components/ui/state-badge'

type Spec = ServiceView['spec']

/** What kind of service it is, in one word; NetworkProvider is Hypernetes' own word for a load balancer. */
export function typeName({ type, clusterIP }: Pick<Spec, 'type' | 'clusterIP'>): string {
  if (type === 'NetworkProvider') return 'LoadBalancer'
  return type !== 'ExternalName' && clusterIP === 'None' ? 'Headless' : type
}

/** `80/TCP`, and where to if that is another port: `80 → 8080/TCP`. */
export const portText = ({ port, targetPort, protocol }: Spec['ports'][number]): string => (String(targetPort) === String(port) ? `${port}/${protocol}` : `${port} → ${targetPort}/${protocol}`)

/** How many of the pods behind it take connections. Nothing for a name of something elsewhere. */
export function endpointsLook({ spec, status: { endpointsReady: ready, endpointsNotReady: notReady } }: Pick<ServiceView, 'spec' | 'status'>): { shape: StateShape; text: string } | null {
  if (spec.type === 'ExternalName') return null
  const all = ready + notReady
  if (all === 0) return { shape: 'stopped', text: 'None' }
  return { shape: ready === all ? 'running' : ready === 0 ? 'failed' : 'unknown', text: `${ready} of ${all}` }
}

export const endpointPorts = ({ ports }: Pick<ServiceEndpointView, 'ports'>): string => ports.map(({ name, protocol, port }) => `${name === null ? '' : `${name} `}${port}/${protocol}`).join(', ')

/** A label selector as the server reads it. */
export const selectorText = (selector: Readonly<Record<string, string>>): string => Object.entries(selector).map(([key, value]) => `${key}=${value}`).join(',')

/** Whether a pod with these labels is behind a service of this selector; one without a selector chooses nothing. */
export const selectedBy = (selector: Readonly<Record<string, string>>, labels: Readonly<Record<string, string>>): boolean => Object.keys(selector).length > 0 && Object.entries(selector).every(([key, value]) => labels[key] === value)

/** The names under which pods reach a service, from near to far, each with where it works. */
export function namesOf({ metadata: { name, namespace }, status: { hostname } }: Pick<ServiceView, 'metadata' | 'status'>): { name: string; from: string }[] {
  return [
    { name, from: `From a pod in namespace ${namespace}` },
    { name: `${name}.${namespace}`, from: 'From a pod of another namespace in its network' },
    { name: hostname, from: 'In full' },
  ]
}
