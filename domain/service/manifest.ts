import { check, type Collect, type Path } from '../manifest/check'
import { each, prune, within, type FieldDefaults } from '../pod/kubernetes-fields'
import { serviceSpec, type ServiceSpec } from './spec'

const none: readonly unknown[] = []

/** Kubernetes' fields of a ServiceSpec that are not carried out, with the values that mean what happens anyway: see domain/pod/kubernetes-fields.ts. */
const specFields: FieldDefaults = {
  allocateLoadBalancerNodePorts: [true, false], healthCheckNodePort: [0], loadBalancerClass: [''], topologyKeys: none, trafficDistribution: [''],
}
const portFields: FieldDefaults = { nodePort: [0] }
/** Carried out, and left out by an empty text. */
const emptyIsAbsent: readonly string[] = ['clusterIP', 'type', 'externalName', 'loadBalancerIP', 'sessionAffinity', 'ipFamilyPolicy', 'internalTrafficPolicy', 'externalTrafficPolicy']

const withoutEmpty = (spec: unknown): unknown =>
  typeof spec === 'object' && spec !== null && !Array.isArray(spec) ? Object.fromEntries(Object.entries(spec).filter(([name, value]) => !(value === '' && emptyIsAbsent.includes(name)))) : spec

/** Reads a service's `spec` as Kubernetes and Hypernetes write it: fills defaults, reports every problem. The same in browser and server. */
export function readServiceSpec(value: unknown, path: Path, collect: Collect): ServiceSpec | null {
  let refused = false
  const report: Collect = (at, message) => {
    refused = true
    collect(at, message)
  }
  const pruned = within(prune(withoutEmpty(value), specFields, path, report), { ports: (ports, at) => each(ports, at, (port, p) => prune(port, portFields, p, report)) }, path)
  const spec = check(serviceSpec, pruned, path, collect)
  return refused ? null : spec
}
