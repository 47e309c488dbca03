import { expect, it } from 'vitest'
import { endCommands, peerLinkMac, peerLinkName } from './peer-link'
import { peerSection } from './peer-section'
import { peerSubnets } from './peer-subnets'

const peer = (number: number, ...subnets: string[]) => ({ kind: 'peer' as const, uid: `00000000-0000-4000-8000-00000000000${number}`, number, name: `n${number}`, subnets })
const network = { number: 1, subnets: [{ cidr: '10.0.0.0/24', gateway: '10.0.0.1' }], serviceCidrs: ['10.96.0.0/16'], routes: [{ destination: '10.9.0.0/24', via: '10.0.0.5' }] }

it('a peer\'s subnet that means something here already stays out', () => {
  expect(peerSubnets({ ...network, peers: [peer(4, '10.2.0.0/24', 'fd02::/64'), peer(3, '10.0.0.0/16', '10.2.0.0/25', '10.9.0.128/25', '10.96.1.0/24'), peer(1, '10.7.0.0/24')] })).toEqual([
    { number: 3, subnets: ['10.2.0.0/25'] },
    { number: 4, subnets: ['fd02::/64'] },
  ])
})

it('the names and addresses of links are of the networks\' numbers', () => {
  expect(peerLinkName(16_000_000)).toHaveLength(12)
  expect(peerLinkMac(258)).toBe('06:6a:00:00:01:02')
  expect(endCommands(1, { number: 3, subnets: ['10.2.0.0/24', 'fd02::/64'] }, 1400)).toEqual([
    'link set dev peer3 address 06:6a:00:00:00:01 mtu 1400 addrgenmode none up',
    'neigh replace 169.254.1.1 lladdr 06:6a:00:00:00:03 nud permanent dev peer3',
    'neigh replace fe80::1 lladdr 06:6a:00:00:00:03 nud permanent dev peer3',
    'route replace 10.2.0.0/24 via 169.254.1.1 dev peer3 onlink',
    'route replace fd02::/64 via fe80::1 dev peer3 onlink',
  ])
})

it('chains are there without peers, and are empty', () => {
  expect([...peerSection({ ...network, peers: [] }).chains ?? []]).toEqual([['peer_arrival', { rules: [] }], ['peer_forward', { rules: [] }]])
  expect(peerSection({ ...network, peers: [peer(3, '10.2.0.0/24')] }).sets?.get('peer_links_4')?.elements).toEqual(['"peer3" . 10.2.0.0/24'])
})
