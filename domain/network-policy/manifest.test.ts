import { expect, it } from 'vitest'
import { problemCollector } from '../manifest/check'
import { readPolicySpec } from './manifest'
import { networkPolicySpec } from './spec'

const read = (value: unknown) => {
  const { problems, collect } = problemCollector()
  return { spec: readPolicySpec(value, ['spec'], collect), problems: problems.map(({ path }) => path) }
}

it('what is null is left out, as Kubernetes reads it', () => {
  expect(read({ podSelector: null, ingress: [{ from: null, ports: null }], egress: null, policyTypes: null })).toEqual({ problems: [], spec: networkPolicySpec.parse({ podSelector: {}, ingress: [{}] }) })
  expect(read({ podSelector: { matchLabels: { a: 'b' }, matchExpressions: null }, egress: [{ to: [{ podSelector: { matchExpressions: [{ key: 'a', operator: 'Exists', values: null }] }, ipBlock: null }] }] }).problems).toEqual([])
  expect(read({ podSelector: {}, ingress: [{ from: [{ ipBlock: { cidr: '10.0.0.0/8', except: null } }], ports: [{ port: 80, endPort: null }] }] }).problems).toEqual([])
})

it('a label that is null is refused, for without it more pods were meant', () => {
  expect(read({ podSelector: { matchLabels: { app: null } } })).toEqual({ spec: null, problems: ['spec.podSelector.matchLabels.app'] })
  expect(read({ podSelector: {}, ingress: [{ from: [{ podSelector: null }] }] }).problems).toEqual(['spec.ingress[0].from[0]'])
})

it('an empty policyTypes means the directions of the rules, and none comes twice', () => {
  expect(networkPolicySpec.parse({ podSelector: {}, policyTypes: [] }).policyTypes).toEqual(['Ingress'])
  expect(networkPolicySpec.parse({ podSelector: {}, policyTypes: [], egress: [{}] }).policyTypes).toEqual(['Ingress', 'Egress'])
  expect(networkPolicySpec.parse({ podSelector: {}, policyTypes: ['Egress'] }).policyTypes).toEqual(['Egress'])
  expect(networkPolicySpec.safeParse({ podSelector: {}, policyTypes: ['Egress', 'Egress'] }).error?.issues).toMatchObject([{ path: ['policyTypes', 1] }])
})

it('a block that is no subnet is told of, and nothing is looked for in it', () => {
  const block = (cidr: string, ...except: string[]) => read({ podSelector: {}, ingress: [{ from: [{ ipBlock: { cidr, except } }] }] }).problems
  expect(block('', '10.1.0.0/16')).toEqual(['spec.ingress[0].from[0].ipBlock.cidr'])
  expect(block('10.0.0.0/8', 'x', '10.1.0.0/16')).toEqual(['spec.ingress[0].from[0].ipBlock.except[0]'])
  expect(block('10.0.0.0/8', '11.0.0.0/16')).toEqual(['spec.ingress[0].from[0].ipBlock.except[0]'])
})
