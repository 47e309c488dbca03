import { expect, it } from 'vitest'
import type { HostFloatingAddress } from '@/contracts/host/v1'
import { FloatingAddresses } from './floating-addresses'

const uid = '00000000-0000-4000-8000-000000000010'
const pool = { kind: 'addressPool' as const, uid: '00000000-0000-4000-8000-000000000001', name: 'default', cidr: '198.18.100.0/24', gateway: '198.18.100.1' }
const address: HostFloatingAddress = { kind: 'floatingAddress', uid, address: '198.18.100.10', networkId: pool.uid, podUid: pool.uid, podAddress: '10.0.0.5' }

it('an address that is taken away is named until this host does not answer for it any more', async () => {
  let answers = true
  let carryOut = () => {}
  const network = {
    floating: {
      set: (all: readonly unknown[]) => (all.length > 0 ? Promise.resolve() : new Promise<void>((resolve) => (carryOut = resolve))),
      states: () => new Map([[uid, { phase: 'Active' as const }]]),
      answersFor: () => answers,
      onChange: () => {},
    },
    external: { setPools: () => Promise.resolve(), problemOf: () => null },
  }
  const addresses = new FloatingAddresses({ network: network as never, log: { error: () => {} }, onReport: () => {} })
  addresses.apply([pool], [address])
  await addresses.settled()
  addresses.apply([pool], [])
  await Promise.resolve()
  await Promise.resolve()
  // A complete report now names it, so that the server gives it to nobody else.
  expect(addresses.reports()).toMatchObject([{ uid, phase: 'Failed', reason: 'Leaving' }])
  answers = false
  carryOut()
  await addresses.settled()
  expect(addresses.reports()).toMatchObject([{ uid, phase: 'Gone' }])
})
