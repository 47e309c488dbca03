import { expect, it } from 'vitest'
import { previewChange } from './reachability-preview'
import { worldOf, type WorldObject } from './reachability-world'
import type { PolicyRule } from './rules'

const pods = ['web', 'db', 'job'].map((name, i): WorldObject => ({ kind: 'pod', uid: name, namespace: 'default', name, hostId: null, addresses: [`10.0.0.${i + 2}`] }))
const network: WorldObject = { kind: 'network', number: 1, name: 'net', subnets: [{ name: 'a', cidr: '10.0.0.0/24', gateway: '10.0.0.1' }], serviceCidrs: [], routes: [], outbound: 'nat' }
const rule = (over: Partial<PolicyRule> = {}): PolicyRule => ({ id: 'rules[0]', direction: 'ingress', protocol: 'tcp', ports: [{ first: 5432, last: 5432 }], icmpTypes: null, peer: { cidrs: null, addresses: ['10.0.0.2'] }, ...over })
const group = (members: string[], rules: PolicyRule[], directions: ('ingress' | 'egress')[] = ['ingress']): WorldObject => ({ kind: 'policy', uid: 'g', source: 'SecurityGroup', namespace: null, name: 'db', members, directions, rules })
const world = (...objects: WorldObject[]) => worldOf([network, ...pods, ...objects])
const preview = (before: WorldObject[], after: WorldObject[]) => previewChange(world(...before), world(...after), ({ name }) => name === 'db')

it('a pod that becomes a member loses what no rule lets in', () => {
  const { changes, members, truncated } = preview([group([], [])], [group(['10.0.0.3'], [rule()])])
  expect({ members, truncated }).toEqual({ members: 1, truncated: false })
  expect(changes).toContainEqual({ allowed: false, traffic: 'everything', from: ['job'], fromCount: 1, to: ['db'], toCount: 1 })
  expect(changes).toContainEqual({ allowed: false, traffic: 'every other TCP, UDP, ping', from: ['web'], fromCount: 1, to: ['db'], toCount: 1 })
  expect(changes.every((change) => !change.allowed)).toBe(true)
})
it('a rule more lets in, a rule less cuts off, and the same rules change nothing', () => {
  const [none, one] = [[group(['10.0.0.3'], [])], [group(['10.0.0.3'], [rule()])]]
  expect(preview(none, one).changes).toEqual([{ allowed: true, traffic: 'TCP 5432', from: ['web'], fromCount: 1, to: ['db'], toCount: 1 }])
  expect(preview(one, none).changes).toEqual([{ allowed: false, traffic: 'TCP 5432', from: ['web'], fromCount: 1, to: ['db'], toCount: 1 }])
  expect(preview(one, one)).toMatchObject({ changes: [], total: 0 })
})
it('what may leave is told of outside too, and of subnets that a rule names', () => {
  const closed = [group(['10.0.0.3'], [rule({ direction: 'egress', ports: null, peer: { cidrs: [{ cidr: '192.0.2.0/24', except: [] }], addresses: null } })], ['ingress', 'egress'])]
  const { changes } = preview([group(['10.0.0.3'], [])], closed)
  expect(changes).toContainEqual({ allowed: false, traffic: 'UDP, ping', from: ['db'], fromCount: 1, to: ['192.0.2.0/24'], toCount: 1 })
  expect(changes).toContainEqual(expect.objectContaining({ allowed: false, traffic: 'everything', from: ['db'], to: ['web', 'job', 'outside'] }))
})
it('where most of a protocol is cut off, what stays is named', () => {
  const named = (first: number, last = first) => rule({ ports: [{ first, last }], peer: { cidrs: null, addresses: ['10.0.0.2'] } })
  const ports = [named(443), named(8080), named(9000, 9100)]
  const { changes } = preview([group(['10.0.0.3'], [...ports, rule({ protocol: 'any', ports: null })])], [group(['10.0.0.3'], ports.slice(0, 1))])
  expect(changes).toEqual([{ allowed: false, traffic: 'all TCP but 443, UDP, ping', from: ['web'], fromCount: 1, to: ['db'], toCount: 1 }])
})
it('many pods are looked at in part, and it says so', () => {
  const many = Array.from({ length: 200 }, (_, i): WorldObject => ({ kind: 'pod', uid: `p${i}`, namespace: 'default', name: `p${i}`, hostId: null, addresses: [`10.0.0.${i + 10}`] }))
  const all = many.map((_, i) => `10.0.0.${i + 10}`)
  const found = preview([...many, group([], [])], [...many, group(all, [])])
  expect(found).toMatchObject({ truncated: true, members: 200 })
  expect(found.changes.length).toBeLessThanOrEqual(50)
  expect(found.changes[0]?.to.length).toBeLessThanOrEqual(5)
})
it('stops looking when it is told to', () => {
  let looks = 0
  expect(preview([group([], [])], [group(['10.0.0.3'], [])]).truncated).toBe(false)
  const cut = previewChange(world(group([], [])), world(group(['10.0.0.3'], [])), ({ name }) => name === 'db', () => (looks += 1) > 3)
  expect(cut.truncated).toBe(true)
})
