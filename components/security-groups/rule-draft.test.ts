import { describe, expect, it } from 'vitest'
import { securityGroupSpec } from '@/domain/security-group/spec'
import { draftOfRule, formPath, newRule, parsePorts, toRule, toRules } from './rule-draft'

describe('ports as text', () => {
  it.each([
    ['80', [{ port: 80 }]], ['80, 8000-8100', [{ port: 80 }, { port: 8000, endPort: 8100 }]], [' 443 ,', [{ port: 443 }]], ['80-80', [{ port: 80 }]], ['', []],
  ])('%s', (text, ports) => expect(parsePorts(text)).toEqual({ ports }))
  it.each([['http', '“http” is no port'], ['0', '1 to 65535'], ['70000', '1 to 65535'], ['90-80', 'ends before'], ['80;90', 'is no port']])('%s is refused', (text, problem) => expect(parsePorts(text)).toEqual({ problem: expect.stringContaining(problem) }))
})

describe('a row', () => {
  it('is the rule that it was made of', () => {
    const { rules } = securityGroupSpec.parse({ rules: [
      { direction: 'ingress', protocol: 'tcp', ports: [{ port: 80 }, { port: 8000, endPort: 8100 }], cidr: '10.0.0.0/8', description: 'web' },
      { direction: 'egress' }, { direction: 'ingress', protocol: 'icmp', icmpTypes: [8, 200], group: 'ops' }, { direction: 'ingress', protocol: 'icmpv6', icmpTypes: [128], cidr: 'fd00::/64' },
    ] })
    expect(toRules(rules.map(draftOfRule))).toEqual(rules)
    expect(draftOfRule(rules[2]!).types).toBe('echo-request, 200')
  })
  it.each([
    [newRule({ ports: 'x' }), 'ports'], [newRule({ protocol: 'icmp', types: 'pong' }), 'types'], [newRule({ peer: 'cidr' }), 'cidr'], [newRule({ peer: 'cidr', cidr: '10.0.0.1/8' }), 'cidr'],
    [newRule({ peer: 'group' }), 'group'], [newRule({ protocol: 'icmp', peer: 'cidr', cidr: 'fd00::/64' }), 'cidr'], [newRule({ description: 'x'.repeat(300) }), 'description'],
    [newRule({ ports: Array.from({ length: 16 }, (_, i) => i + 1).join(',') }), 'ports'],
  ])('that is wrong says in which field', (draft, field) => expect(toRule(draft).problems.map((problem) => problem.field)).toEqual([field]))
  it('forgets what another protocol or source had', () => {
    expect(toRule(newRule({ protocol: 'any', ports: '80', types: 'x', peer: 'any', cidr: 'x', group: 'y' })).rule).toEqual({ direction: 'ingress', protocol: 'any' })
  })
})

it.each([['spec.rules[2].ports[0].port', 'rules.2.ports'], ['spec.rules.1.icmpTypes.0', 'rules.1.types'], ['spec.rules[0].group', 'rules.0.group'], ['spec.rules', 'rules'], ['spec.network', 'network'], ['name', 'name']])('the server’s %s is the form’s %s', (path, field) => expect(formPath(path)).toBe(field))
