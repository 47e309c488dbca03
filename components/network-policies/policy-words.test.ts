import { expect, it } from 'vitest'
import { networkPolicySpec } from '@/domain/network-policy/spec'
import { policyLines } from './policy-words'
import { selectorText } from './selector-words'

it('a policy is read line by line', () => {
  const spec = networkPolicySpec.parse({
    podSelector: { matchLabels: { app: 'db' } },
    ingress: [{ from: [{ podSelector: { matchLabels: { app: 'web' } } }, { namespaceSelector: {}, podSelector: { matchExpressions: [{ key: 'tier', operator: 'In', values: ['a', 'b'] }] } }], ports: [{ port: 5432 }, { port: 8000, endPort: 8100 }, { protocol: 'UDP', port: 'dns' }] }, {}],
    egress: [{ to: [{ ipBlock: { cidr: '10.0.0.0/8', except: ['10.1.0.0/16'] } }] }],
  })
  expect(policyLines(spec)).toEqual([
    { id: 'ingress[0]', direction: 'In', peers: ['pods app=web in its own namespace', 'pods tier in (a, b) in namespaces All'], ports: 'TCP 5432, TCP 8000-8100, UDP dns' },
    { id: 'ingress[1]', direction: 'In', peers: [], ports: 'All' },
    { id: 'egress[0]', direction: 'Out', peers: ['10.0.0.0/8 without 10.1.0.0/16'], ports: 'All' },
  ])
  expect(selectorText(undefined)).toBeNull()
  expect(selectorText({ matchLabels: {}, matchExpressions: [{ key: 'a', operator: 'DoesNotExist', values: [] }] })).toBe('a does not exist')
})
