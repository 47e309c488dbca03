import { z } from 'zod'
import { formatSubnet, parseSubnet, isSubnet } from '../shared/ip'
import { dnsLabel } from '../shared/names'
import { selector } from '../shared/selector'

/** So many rules one group has, and all groups of a network together: each is a rule of the kernel's. */
export const maxRulesOfGroup = 200
export const maxRulesOfNetwork = 2000

const port = z.number({ error: 'must be a number' }).int().min(1, 'must be 1 to 65535').max(65535, 'must be 1 to 65535')
const icmpType = z.number({ error: 'must be a number' }).int().min(0, 'must be 0 to 255').max(255, 'must be 0 to 255')

/**
 * What may pass. Everything of a rule must fit: protocol, one of `ports`, and the other side, which is `cidr` (any address without it)
 * or the pods of `group`. A rule allows; nothing denies.
 */
const rule = z
  .strictObject({
    direction: z.enum(['ingress', 'egress'], { error: 'must be ingress or egress' }),
    protocol: z.enum(['any', 'tcp', 'udp', 'icmp', 'icmpv6'], { error: 'must be any, tcp, udp, icmp or icmpv6' }).default('any'),
    ports: z.array(z.strictObject({ port, endPort: port.optional() })).min(1, 'must have a port, or be left out').max(15, 'must be at most 15').optional(),
    icmpTypes: z.array(icmpType).min(1, 'must have a type, or be left out').max(20).optional(),
    cidr: z.string().refine(isSubnet, 'must be a subnet, as in 10.0.0.0/24 or fd00::/64').transform((text) => formatSubnet(parseSubnet(text))).optional(),
    group: dnsLabel.optional(),
    description: z.string().max(256).optional(),
  })
  .superRefine((value, context) => {
    const problem = (path: (string | number)[], message: string) => context.addIssue({ code: 'custom', path, message })
    if (value.cidr !== undefined && value.group !== undefined) problem(['group'], 'cannot stand beside cidr: write two rules')
    if (value.ports && value.protocol !== 'tcp' && value.protocol !== 'udp') problem(['ports'], 'are for protocol tcp or udp')
    if (value.icmpTypes && value.protocol !== 'icmp' && value.protocol !== 'icmpv6') problem(['icmpTypes'], 'are for protocol icmp or icmpv6')
    for (const [i, one] of (value.ports ?? []).entries()) if (one.endPort !== undefined && one.endPort < one.port) problem(['ports', i, 'endPort'], 'must not be below port')
    const family = value.cidr?.includes(':') ? 6 : 4
    if (value.cidr && ((value.protocol === 'icmp' && family === 6) || (value.protocol === 'icmpv6' && family === 4))) problem(['cidr'], `must be of ${value.protocol === 'icmp' ? 'IPv4' : 'IPv6'} for protocol ${value.protocol}`)
  })
export type SecurityGroupRule = z.infer<typeof rule>

/**
 * A security group of a network. Its pods are those that name it (`spec.network.securityGroups`) and those that `podSelector` selects, in
 * the namespaces of the network. A pod of no group: everything within its network, nothing from outside, all out. A pod of groups: coming
 * in, what one of their rules allows; going out, the same where one of them has a rule for it, else all. Answers always pass.
 */
export const securityGroupSpec = z.strictObject({
  network: dnsLabel.default('default'),
  description: z.string().max(256).default(''),
  podSelector: selector.optional(),
  namespaceSelector: selector.optional(),
  rules: z.array(rule).max(maxRulesOfGroup, `must be at most ${maxRulesOfGroup}: use several groups`).default([]),
})
export type SecurityGroupSpec = z.infer<typeof securityGroupSpec>
