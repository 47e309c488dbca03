import { expect, it } from 'vitest'
import { endpointSubsets } from '@/domain/service/endpoints'
import { threadTimeMs } from '@/tools/testing/thread-time'
import { storedSubsets } from './stored-subsets'

it('stored endpoints are what was written, read by their shape: many thousands of addresses cost no reading of each', () => {
  const written = [{ addresses: [{ ip: 'fd00::1', hostname: 'a', nodeName: 'n', targetRef: { kind: 'Pod', namespace: 'default', name: 'p', uid: 'u' } }, { ip: '10.0.0.1' }], notReadyAddresses: [], ports: [{ name: 'http', protocol: 'TCP', port: 80, appProtocol: 'h2' }, { port: 81 }] }]
  expect(storedSubsets(written)).toEqual(endpointSubsets.parse(written))
  const many = Array.from({ length: 160 }, (_, i) => [{ addresses: Array.from({ length: 1_000 }, (_, j) => ({ ip: `fd00:1:2:3:${i.toString(16)}::${j.toString(16)}` })), ports: [{ protocol: 'TCP', port: 80 }] }])
  const from = threadTimeMs()
  for (const one of many) storedSubsets(one)
  expect(threadTimeMs() - from).toBeLessThan(1_000)
  for (const none of [null, [{ addresses: [{}] }], [{ ports: [{ port: '80' }] }]]) expect(() => storedSubsets(none)).toThrow()
})
