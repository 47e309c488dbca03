import { randomUUID } from 'node:crypto'
import { expect, it } from 'vitest'
import type { NetworkMessage, NetworkObject } from '@/contracts/host/v1/networks'
import { WholeNetwork } from './whole-network'

it('what comes in parts is one message, once the last has come', () => {
  const networkId = randomUUID()
  const peer = (n: number): NetworkObject => ({ kind: 'peer', uid: randomUUID(), number: n, name: `n${n}`, subnets: [] })
  const part = (set: NetworkObject[], rest: Partial<NetworkMessage> = {}): NetworkMessage => ({ kind: 'networkObjects', networkId, complete: false, set, remove: [], ...rest })
  const [a, b, c] = [peer(1), peer(2), peer(3)]
  const whole = new WholeNetwork()
  expect(whole.take(part([a]))).toEqual(part([a]))
  expect(whole.take(part([a], { complete: true, more: true }))).toBeNull()
  expect(whole.take(part([b], { more: true }))).toBeNull()
  expect(whole.take(part([c]))).toEqual(part([a, b, c], { complete: true }))
  expect(whole.take(part([b], { remove: ['peer/x'] }))).toEqual(part([b], { remove: ['peer/x'] }))
})
