import { formatSubnet, parseSubnet, subnetHolds, type IpSubnet } from '../shared/ip'
import { annotationPath, balancerPrefix, type BalancerProblem, type IngressBalancerAnnotations } from './annotations'
import { defaultOptions, type BalancerOptions } from './model'

/** Who may connect, most bounded first: subnets that another holds are left out. */
const distinct = (subnets: readonly IpSubnet[]): IpSubnet[] =>
  [...new Map(subnets.map((one) => [formatSubnet(one), one])).values()].filter((one, _, all) => !all.some((other) => other !== one && subnetHolds(other, one)))

/** What lies in a subnet of both lists. Two subnets are apart, or one holds the other. */
const inBoth = (a: readonly IpSubnet[], b: readonly IpSubnet[]): IpSubnet[] => a.flatMap((one) => b.flatMap((other) => (subnetHolds(one, other) ? [other] : subnetHolds(other, one) ? [one] : [])))

/** Who may connect: both lists narrow, the annotation and Kubernetes' `spec.loadBalancerSourceRanges`; null: everybody. */
export function allowedSources(annotation: readonly string[] | undefined, ranges: readonly string[]): { allow: string[] | null; problems: BalancerProblem[] } {
  const [a, b] = [(annotation ?? []).map(parseSubnet), ranges.map(parseSubnet)]
  if (a.length === 0 && b.length === 0) return { allow: null, problems: [] }
  const allow = distinct(a.length === 0 ? b : b.length === 0 ? a : inBoth(a, b)).map(formatSubnet)
  if (allow.length === 0) return { allow: null, problems: [{ path: annotationPath('allow'), message: 'has no address in common with spec.loadBalancerSourceRanges: nobody could connect' }] }
  if (allow.length > 256) return { allow: null, problems: [{ path: annotationPath('allow'), message: `makes ${allow.length} subnets together with spec.loadBalancerSourceRanges, more than 256` }] }
  return { allow, problems: [] }
}

/** Where proxies say who their clients are, and everybody may connect as one, each connection may be another client's: then a rate for each client bounds nobody. */
export const uncountedClients = (values: IngressBalancerAnnotations, allow: readonly string[] | null): BalancerProblem[] =>
  values['accept-proxy-protocol'] === true && values['rate-limit'] !== undefined && allow === null
    ? [{ path: annotationPath('rate-limit'), message: `bounds nobody together with accept-proxy-protocol where everybody may connect, for who connects may name any client: name the proxies in ${balancerPrefix}allow` }]
    : []

/** The options that the annotations ask for, and the defaults of what they leave out. */
export function optionsOf(values: IngressBalancerAnnotations, allow: string[] | null): BalancerOptions {
  const log = values['access-log']
  return {
    connectSeconds: values['connect-timeout'] ?? defaultOptions.connectSeconds,
    clientSeconds: values['client-timeout'] ?? defaultOptions.clientSeconds,
    serverSeconds: values['server-timeout'] ?? defaultOptions.serverSeconds,
    requestSeconds: values['request-timeout'] ?? defaultOptions.requestSeconds,
    tunnelSeconds: values['tunnel-timeout'] ?? defaultOptions.tunnelSeconds,
    drainSeconds: values['drain-timeout'] ?? defaultOptions.drainSeconds,
    maxConnections: values['max-connections'] ?? defaultOptions.maxConnections,
    maxBodyBytes: values['max-body'] ?? defaultOptions.maxBodyBytes,
    ratePerSecond: values['rate-limit'] ?? defaultOptions.ratePerSecond,
    allow,
    logOneOf: log === 'off' ? null : (log ?? defaultOptions.logOneOf),
  }
}
