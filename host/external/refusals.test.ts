import { describe, expect, it } from 'vitest'
import type { HostAddressPool, HostFloatingAddress } from '@/contracts/host/v1/external'
import { refusals } from './floating-addresses'

const uid = (last: number) => `00000000-0000-4000-8000-0000000000${last.toString(16).padStart(2, '0')}`
const pools: HostAddressPool[] = [
  { kind: 'addressPool', uid: uid(1), name: 'default', cidr: '198.18.100.0/24', gateway: '198.18.100.1' },
  { kind: 'addressPool', uid: uid(2), name: 'six', cidr: '2001:db8::/64', gateway: '2001:db8::1' },
]
const address = (last: number, text: string, podAddress = '10.0.0.5'): HostFloatingAddress => ({ kind: 'floatingAddress', uid: uid(last), address: text, networkId: uid(3), podUid: uid(4), podAddress })

describe('what no host can carry out', () => {
  it('is nothing of an address of a pool for a pod', () => {
    expect(refusals(pools, [address(10, '198.18.100.10'), address(11, '198.18.100.11')])).toEqual(new Map())
  })

  it.each([
    ['NoPool', address(10, '192.0.2.1')],
    ['Gateway', address(10, '198.18.100.1')],
    ['NoSuchFamily', address(10, '198.18.100.10', 'fd00::5')],
  ])('is told as %s', (reason, one) => {
    expect(refusals(pools, [one]).get(one.uid)?.reason).toBe(reason)
    expect(refusals(pools, [one]).get(one.uid)?.message).toContain(one.address)
  })

  it('is the second owner of an address, whoever it is', () => {
    const refused = refusals(pools, [address(10, '198.18.100.10'), address(11, '198.18.100.10')])
    expect([...refused.keys()]).toEqual([uid(11)])
    expect(refused.get(uid(11))?.message).toContain(uid(10))
  })
})
