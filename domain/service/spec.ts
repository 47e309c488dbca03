import { z } from 'zod'
import { familyOf, formatIp, isIp, isSubnet, parseIp } from '../shared/ip'
import { dnsLabel, dnsSubdomain, labels } from '../shared/names'

const ipText = z.string({ error: 'must be an IP address: quote it' }).refine(isIp, 'must be an IP address').transform((text) => formatIp(parseIp(text)))
const port = z.number({ error: 'must be a number' }).int().min(1, 'must be 1 to 65535').max(65535, 'must be 1 to 65535')
/** An IANA service name, as Kubernetes' named ports are (RFC 6335 section 5.1). */
export const portName = z.string().min(1, 'must not be empty').max(15, 'must be at most 15 characters').regex(/^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/, 'must be lower-case letters, digits and "-"')
export const transport = z.enum(['TCP', 'UDP'], { error: 'must be TCP or UDP (SCTP is not carried out)' })

const servicePort = z
  .strictObject({
    name: portName.optional(),
    protocol: transport.default('TCP'),
    port,
    /** A port's number, or its name in the pods' containers; without it the same as `port`. */
    targetPort: z.union([port, portName], { error: 'must be a port\'s number or name' }).optional(),
    appProtocol: z.string().max(253).optional(),
  })
  .transform((value) => ({ ...value, targetPort: value.targetPort ?? value.port }))

const family = z.enum(['IPv4', 'IPv6'], { error: 'must be IPv4 or IPv6' })
const clusterIP = z.union([z.literal('None'), ipText], { error: 'must be an IP address or None' })

/**
 * A Service as Kubernetes' v1 writes it, and Hypernetes' own type NetworkProvider, which means LoadBalancer. Its address lies in the
 * network of its namespace.
 */
export const serviceSpec = z
  .strictObject({
    type: z.enum(['ClusterIP', 'LoadBalancer', 'NetworkProvider', 'ExternalName'], { error: 'must be ClusterIP, LoadBalancer or ExternalName (NodePort is not carried out: pods have no node of their own)' }).default('ClusterIP'),
    selector: labels.default({}),
    ports: z.array(servicePort).max(100, 'must be at most 100').default([]),
    clusterIP: clusterIP.optional(),
    clusterIPs: z.array(clusterIP).max(2).optional(),
    ipFamilies: z.array(family).max(2).optional(),
    ipFamilyPolicy: z.enum(['SingleStack', 'PreferDualStack', 'RequireDualStack']).optional(),
    externalName: dnsSubdomain.optional(),
    externalIPs: z.array(ipText).max(16).default([]),
    loadBalancerIP: ipText.optional(),
    /** Who may connect from outside; empty: everybody. */
    loadBalancerSourceRanges: z.array(z.string().max(49).refine(isSubnet, 'must be a subnet such as 192.0.2.0/24, without host bits')).max(256, 'must be at most 256').default([]),
    sessionAffinity: z.enum(['None', 'ClientIP'], { error: 'must be None or ClientIP' }).default('None'),
    sessionAffinityConfig: z.strictObject({ clientIP: z.strictObject({ timeoutSeconds: z.number().int().min(1).max(86_400).default(10_800) }).default({ timeoutSeconds: 10_800 }) }).optional(),
    internalTrafficPolicy: z.enum(['Cluster', 'Local'], { error: 'must be Cluster or Local' }).default('Cluster'),
    externalTrafficPolicy: z.enum(['Cluster', 'Local'], { error: 'must be Cluster or Local' }).optional(),
    publishNotReadyAddresses: z.boolean({ error: 'must be true or false' }).default(false),
  })
  .superRefine((spec, context) => {
    const problem = (path: (string | number)[], message: string) => context.addIssue({ code: 'custom', path, message })
    if (spec.type === 'ExternalName' && !spec.externalName) problem(['externalName'], 'is required where type is ExternalName')
    if (spec.type !== 'ExternalName' && spec.externalName) problem(['externalName'], 'is for type ExternalName alone')
    const headless = spec.clusterIP === 'None'
    if (spec.type !== 'ExternalName' && !headless && spec.ports.length === 0) problem(['ports'], 'must have at least one port')
    if (spec.clusterIPs && spec.clusterIP === undefined) problem(['clusterIPs'], 'must be left out where clusterIP is')
    else if (spec.clusterIPs && spec.clusterIPs[0] !== spec.clusterIP) problem(['clusterIPs', 0], 'must be the same as clusterIP')
    const second = spec.clusterIPs?.[1]
    if (second !== undefined && (headless || second === 'None' || familyOf(second) === familyOf(spec.clusterIPs![0]!))) problem(['clusterIPs', 1], 'must be an address of the other family')
    if (spec.ipFamilies && new Set(spec.ipFamilies).size < spec.ipFamilies.length) problem(['ipFamilies', 1], 'must be the other family')
    for (const [i, asked] of (spec.clusterIPs ?? (spec.clusterIP === undefined ? [] : [spec.clusterIP])).entries()) {
      const wanted = spec.ipFamilies?.[i]
      if (asked !== 'None' && wanted && wanted !== `IPv${familyOf(asked)}`) problem(['ipFamilies', i], `must be IPv${familyOf(asked)}, as ${asked} is`)
    }
    if (spec.type === 'ExternalName' && spec.clusterIP !== undefined) problem(['clusterIP'], 'is not for type ExternalName: its name leads elsewhere')
    if (headless && spec.type !== 'ClusterIP') problem(['clusterIP'], 'may be None for type ClusterIP alone')
    if (spec.sessionAffinityConfig && spec.sessionAffinity !== 'ClientIP') problem(['sessionAffinityConfig'], 'is for sessionAffinity ClientIP')
    const seen = new Set<string>()
    const names = new Set<string>()
    for (const [i, { name, protocol, port: number }] of spec.ports.entries()) {
      if (seen.has(`${protocol} ${number}`)) problem(['ports', i, 'port'], `${number}/${protocol} is another port of this service too`)
      seen.add(`${protocol} ${number}`)
      if (spec.ports.length > 1 && name === undefined) problem(['ports', i, 'name'], 'is required where a service has several ports')
      if (name !== undefined && names.has(name)) problem(['ports', i, 'name'], 'is the name of another port of this service')
      if (name !== undefined) names.add(name)
    }
  })
export type ServiceSpec = z.infer<typeof serviceSpec>
export type ServicePort = ServiceSpec['ports'][number]

export const isHeadless = (spec: ServiceSpec): boolean => spec.type !== 'ExternalName' && spec.clusterIP === 'None'
/** Whether it asks for an address outside the network. */
export const wantsOutside = (spec: ServiceSpec): boolean => spec.type === 'LoadBalancer' || spec.type === 'NetworkProvider' || spec.externalIPs.length > 0
/** Kubernetes demands an RFC 1035 label: it begins with a letter. */
export const serviceName = dnsLabel.regex(/^[a-z]/, 'must start with a letter: it is a name in the network\'s DNS')
