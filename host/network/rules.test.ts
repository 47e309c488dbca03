import { describe, expect, it } from 'vitest'
import { fileURLToPath } from 'node:url'
import { namespaceRules } from './namespace-rules'
import { uplinkRules } from './uplink-rules'

const golden = (name: string) => fileURLToPath(new URL(`./golden/${name}.nft`, import.meta.url))
const uids = { first: 700_000, last: 709_999 }
const network = { id: 'n', number: 7, cidr: '10.0.0.0/24', gateway: '10.0.0.1', outbound: 'nat' as const }
const pods = [5, 6].map((last) => ({ uid: `pod-${last}`, address: `10.0.0.${last}`, prefixLength: 24, mac: `02:00:00:00:00:0${last}`, runAsUid: 700_000 + last }))

describe('the packet filter of a network namespace', () => {
  it('with outbound traffic', async () => {
    await expect(namespaceRules({ network, transit: '100.64.16.7', pods, uids })).toMatchFileSnapshot(golden('namespace-nat'))
  })

  it('without outbound traffic', async () => {
    await expect(namespaceRules({ network: { ...network, outbound: 'none' }, transit: null, pods, uids })).toMatchFileSnapshot(golden('namespace-none'))
  })

  it('without pods', async () => {
    await expect(namespaceRules({ network, transit: null, pods: [], uids })).toMatchFileSnapshot(golden('namespace-empty'))
  })
})

describe('the packet filter of the host', () => {
  it('with two networks', async () => {
    const networks = [{ number: 7, transit: '100.64.16.7' }, { number: 40_000, transit: '100.64.28.64' }]
    await expect(uplinkRules({ hostTag: 'ab12', pool: '100.64.16.0/20', networks, denied: ['192.0.2.0/24'] })).toMatchFileSnapshot(golden('uplink'))
  })

  it('without networks', async () => {
    await expect(uplinkRules({ hostTag: 'ab12', pool: '100.64.16.0/20', networks: [], denied: [] })).toMatchFileSnapshot(golden('uplink-empty'))
  })
})
