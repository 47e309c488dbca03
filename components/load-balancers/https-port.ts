import type { ServicePort, ServiceSpec } from '@/domain/service/spec'

const isTcp = ({ protocol }: ServicePort) => protocol === 'TCP'

/** A Service that can speak https: port 80 speaks http, so that one which has no other gets 443, to the same port of its pods. */
export function withHttpsPort(spec: ServiceSpec): ServiceSpec {
  const plain = spec.ports.find((each) => isTcp(each) && each.port === 80)
  if (!plain || spec.ports.some((each) => isTcp(each) && each.port !== 80)) return spec
  const taken = new Set(spec.ports.map(({ name }) => name))
  const free = (wanted: string) => (taken.has(wanted) ? `${wanted}-tls`.slice(0, 15) : wanted)
  // Where there are several ports each has a name.
  const named = spec.ports.map((each) => (each.name === undefined ? { ...each, name: free(each === plain ? 'http' : 'other') } : each))
  return { ...spec, ports: [...named, { ...plain, name: free('https'), port: 443 }] }
}

/** And without that port again, where it is only the other's twin. */
export function withoutHttpsPort(spec: ServiceSpec): ServiceSpec {
  const plain = spec.ports.find((each) => isTcp(each) && each.port === 80)
  return plain ? { ...spec, ports: spec.ports.filter((each) => !(isTcp(each) && each.port === 443 && each.targetPort === plain.targetPort)) } : spec
}
