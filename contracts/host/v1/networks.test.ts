import { expect, it } from 'vitest'
import { networkObject } from './networks'

const base = { kind: 'network', number: 1, name: 'net', tenantId: 'a'.repeat(32), subnets: [{ name: 'a', cidr: '10.0.0.0/24', gateway: '10.0.0.1' }, { name: 'six', cidr: 'fd00::/64', gateway: 'fd00::1' }], serviceCidrs: ['10.96.0.0/16', 'fd96::/112'], routes: [{ destination: '192.168.9.0/24', via: '10.0.0.5' }, { destination: 'fd09::9/128', via: 'fd00::5' }], outbound: 'nat', mtu: 1450, dns: { domain: 'cluster.local', upstream: true, nameservers: ['192.0.2.53'] } }
const problem = (value: object): string => networkObject.safeParse(value).error?.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; ') ?? 'none'

it('a network has addresses, subnets and a domain, and no other words', () => {
  expect(problem(base)).toBe('none')
  const subnet = (fields: object) => ({ ...base, subnets: [{ name: 'a', cidr: '10.0.0.0/24', gateway: '10.0.0.1', ...fields }] })
  expect(problem(subnet({ gateway: '10.0.0.1\nlink delete lo' }))).toContain('subnets.0.gateway: must be an address')
  expect(problem(subnet({ gateway: '10.0.0.300' }))).toContain('subnets.0.gateway: must be an address')
  expect(problem(subnet({ gateway: '10.0.1.1' }))).toBe('subnets.0: the gateway must be in its subnet')
  expect(problem(subnet({ cidr: '10.0.0.0/24 accept' }))).toContain('subnets.0.cidr: must be a subnet')
  expect(problem({ ...base, serviceCidrs: ['10.96.0.1/16'] })).toBe('serviceCidrs.0: must be a subnet')
  expect(problem({ ...base, routes: [{ destination: '192.168.9.0/24', via: 'dev lo' }] })).toContain('routes.0.via: must be an address')
  expect(problem({ ...base, routes: [{ destination: '192.168.9.0/24', via: 'fd00::5' }] })).toBe('routes.0: via must be of the family of destination')
  expect(problem({ ...base, dns: { ...base.dns, domain: 'a\naddress=/x/1.2.3.4' } })).toContain('dns.domain: must consist of')
  expect(problem({ ...base, dns: { ...base.dns, nameservers: ['192.0.2.53 # x'] } })).toContain('dns.nameservers.0: must be an address')
})

it('lists of addresses have nothing that ends a word', () => {
  const policy = { kind: 'policy', uid: '00000000-0000-4000-8000-000000000001', source: 'SecurityGroup', namespace: null, name: 'x', members: ['10.0.0.5', 'fd00::5'], directions: ['ingress'], rules: [] }
  expect(problem(policy)).toBe('none')
  for (const bad of ['10.0.0.5 }', '10.0.0.5,10.0.0.6', '0.0.0.0/0', '10.0.0.5;']) expect(problem({ ...policy, members: [bad] })).toBe('members.0: must be an address')
})
