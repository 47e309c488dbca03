import { z } from 'zod'
import { formatSubnet, isSubnet, parseSubnet, subnetHolds } from '../shared/ip'
import { selector } from '../shared/selector'
import { portName, transport } from '../service/spec'

const cidr = z.string().refine(isSubnet, { error: 'must be a subnet, as in 10.0.0.0/24', abort: true }).transform((text) => formatSubnet(parseSubnet(text)))
const port = z.number().int().min(1, 'must be 1 to 65535').max(65535, 'must be 1 to 65535')

const ipBlock = z.strictObject({ cidr, except: z.array(cidr).max(20).default([]) }).superRefine((block, context) => {
  for (const [i, inner] of block.except.entries()) if (!subnetHolds(parseSubnet(block.cidr), parseSubnet(inner))) context.addIssue({ code: 'custom', path: ['except', i], message: `must lie in ${block.cidr}` })
})
const peer = z
  .strictObject({ podSelector: selector.optional(), namespaceSelector: selector.optional(), ipBlock: ipBlock.optional() })
  .superRefine((value, context) => {
    if (value.ipBlock && (value.podSelector ?? value.namespaceSelector)) context.addIssue({ code: 'custom', path: ['ipBlock'], message: 'cannot stand beside a selector' })
    if (!value.ipBlock && !value.podSelector && !value.namespaceSelector) context.addIssue({ code: 'custom', path: [], message: 'must have podSelector, namespaceSelector or ipBlock' })
  })
const policyPort = z
  .strictObject({ protocol: transport.default('TCP'), port: z.union([port, portName]).optional(), endPort: port.optional() })
  .superRefine((value, context) => {
    if (value.endPort !== undefined && (typeof value.port !== 'number' || value.endPort < value.port)) context.addIssue({ code: 'custom', path: ['endPort'], message: 'must not be below port, which must be a number' })
  })
const ports = z.array(policyPort).max(100).default([])

type Rules = { ingress: { from: unknown[]; ports: unknown[] }[]; egress: { to: unknown[]; ports: unknown[] }[] }
/** How many of the kernel's rules a policy becomes at most: each peer with each port. */
export const rulesOfPolicy = ({ ingress, egress }: Rules): number =>
  [...ingress.map(({ from, ports }) => [from, ports] as const), ...egress.map(({ to, ports }) => [to, ports] as const)].reduce((sum, [peers, ports]) => sum + Math.max(1, peers.length) * Math.max(1, ports.length), 0)
export const maxRulesOfPolicy = 1000

const directions = ['Ingress', 'Egress'] as const

/** Kubernetes' networking.k8s.io/v1 NetworkPolicy. Its selectors see pods and namespaces of the same network. */
export const networkPolicySpec = z
  .strictObject({
    podSelector: selector,
    policyTypes: z.array(z.enum(directions, { error: 'must be Ingress or Egress' })).max(2).default([]),
    ingress: z.array(z.strictObject({ from: z.array(peer).max(100).default([]), ports })).max(100).default([]),
    egress: z.array(z.strictObject({ to: z.array(peer).max(100).default([]), ports })).max(100).default([]),
  })
  .superRefine((spec, context) => {
    if (new Set(spec.policyTypes).size < spec.policyTypes.length) context.addIssue({ code: 'custom', path: ['policyTypes', 1], message: 'must be the other direction, or be left out' })
    const rules = rulesOfPolicy(spec)
    if (rules > maxRulesOfPolicy) context.addIssue({ code: 'custom', path: [spec.ingress.length > 0 ? 'ingress' : 'egress'], message: `makes ${rules} rules, each peer with each port: at most ${maxRulesOfPolicy}; use several policies` })
  })
  // As in Kubernetes, an empty list is none: it means the directions that the rules have, and never no direction.
  .transform((spec) => ({ ...spec, policyTypes: spec.policyTypes.length > 0 ? spec.policyTypes : [...directions.slice(0, spec.egress.length > 0 ? 2 : 1)] }))
export type NetworkPolicySpec = z.infer<typeof networkPolicySpec>
export type NetworkPolicyPeer = z.infer<typeof peer>
