import { describe, expect, it } from 'vitest'
import { fileURLToPath } from 'node:url'
import type { NetworkBase } from '@/contracts/host/v1/networks'
import { namespaceTables } from './namespace-rules'
import { NO_OBJECTS, type NetworkObjects } from './network-objects'
import { networkState } from './network-state'
import type { NftSection } from './table/model'
import { wholeTables } from './table/whole'
import { uplinkTables } from './uplink-rules'

const golden = (name: string) => fileURLToPath(new URL(`./golden/${name}.nft`, import.meta.url))
const uids = { first: 700_000, last: 709_999 }
const network = { id: 'n', number: 7, cidr: '10.0.0.0/24', gateway: '10.0.0.1', outbound: 'nat' as const }
const pods = [5, 6].map((last) => ({ uid: `pod-${last}`, address: `10.0.0.${last}`, prefixLength: 24, mac: `02:00:00:00:00:0${last}`, runAsUid: 700_000 + last }))

const rules = (outbound: 'nat' | 'none', attached: typeof pods, objects?: NetworkObjects, resolverUids: typeof uids | null = null) => {
  const state = networkState({ ...network, outbound }, attached.map((pod) => ({ network, pod })), objects)
  const sections: NftSection[] = [{ chains: new Map(['service_count', 'service_snat', 'policy_check', 'peer_arrival', 'peer_forward'].map((name) => [name, { rules: [] }])) }]
  return wholeTables(namespaceTables({ ...state, transit: outbound === 'nat' ? '100.64.16.7' : null }, { uids, resolverUids }, sections))
}

describe('the packet filter of a network namespace', () => {
  it('with outbound traffic', async () => {
    await expect(rules('nat', pods)).toMatchFileSnapshot(golden('namespace-nat'))
  })

  it('without outbound traffic', async () => {
    await expect(rules('none', pods)).toMatchFileSnapshot(golden('namespace-none'))
  })

  it('without pods', async () => {
    await expect(rules('none', [])).toMatchFileSnapshot(golden('namespace-empty'))
  })

  it('with subnets of both families, what lies behind a pod, services and a resolver', async () => {
    const base: NetworkBase = {
      kind: 'network', number: 7, name: 'default', tenantId: 't', outbound: 'nat', mtu: 1400, dns: { domain: 'cluster.local', upstream: true, nameservers: [] },
      subnets: [{ name: 'a', cidr: '10.0.0.0/24', gateway: '10.0.0.1' }, { name: 'b', cidr: '10.1.0.0/16', gateway: '10.1.0.1' }, { name: 'six', cidr: 'fd00::/64', gateway: 'fd00::1' }],
      serviceCidrs: ['10.96.0.0/16', 'fd96::/112'], routes: [{ destination: '192.168.9.0/24', via: '10.0.0.5' }, { destination: 'fd09::9/128', via: 'fd00::5' }, { destination: '192.168.8.0/24', via: '10.0.0.77' }],
    }
    const both = pods.map((pod) => ({ ...pod, ipv6: { address: pod.address.replace('10.0.0.', 'fd00::'), prefixLength: 64 } }))
    await expect(rules('nat', both, { ...NO_OBJECTS, network: base }, { first: 690_000, last: 690_009 })).toMatchFileSnapshot(golden('namespace-both-families'))
  })
})

describe('the packet filter of the host', () => {
  it('with two networks', async () => {
    const networks = [{ number: 7, transit: '100.64.16.7' }, { number: 40_000, transit: '100.64.28.64' }]
    await expect(wholeTables(uplinkTables({ hostTag: 'ab12', pool: '100.64.16.0/20', networks, denied: ['192.0.2.0/24'] }))).toMatchFileSnapshot(golden('uplink'))
  })

  it('without networks', async () => {
    await expect(wholeTables(uplinkTables({ hostTag: 'ab12', pool: '100.64.16.0/20', networks: [], denied: [] }))).toMatchFileSnapshot(golden('uplink-empty'))
  })
})
