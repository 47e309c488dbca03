import { describe, expect, it } from 'vitest'
import { uplinkName, MAX_NETWORK_NUMBER } from '@/host/network/names'
import { externalTables, removeExternalTables } from './bridge-rules'
import { balancerMac, bridgeMac, bridgeName, networkMac, portName, portPrefix } from './names'

const rules = externalTables({ hostTag: 'ab12', denied: ['192.0.2.0/24'], ports: [{ name: 'hxab12-n1', mac: networkMac('ab12', 1), addresses: ['198.18.100.10', '2001:db8::10'] }, { name: 'hxab12-b7', mac: balancerMac('ab12', 7), addresses: ['203.0.113.9'] }] })
const [host, bridge] = [rules.get('inet hypernetes_ext_ab12')?.[0], rules.get('bridge hypernetes_ext_ab12')?.[0]]

describe('names on the bridge', () => {
  it('fit 15 characters, and no uplink begins like a link into it', () => {
    for (const name of [bridgeName('abcdef'), portName('abcdef', `hyp-abcdef-n${MAX_NETWORK_NUMBER}`), portName('abcdef', `hypb-abcdef-n${MAX_NETWORK_NUMBER}`)]) expect(name.length).toBeLessThanOrEqual(15)
    expect(uplinkName('ab12', 1).startsWith(portPrefix('ab12'))).toBe(false)
    expect(portName('ab12', 'hyp-ab12-n1')).not.toBe(portName('ab12', 'hypb-ab12-n1'))
  })

  it.each(['hyp-ab-n1', 'hyp-ab12-n0', 'hyp-ab12-n', 'hyt-ab12-n1', 'hyp-ab12-n1; reboot', ''])('are of no namespace like %j', (namespace) => {
    expect(() => portName('ab12', namespace)).toThrow(TypeError)
  })

  it('MAC addresses are local ones of one machine, and no two are the same', () => {
    const all = [bridgeMac('ab12'), networkMac('ab12', 1), networkMac('ab12', 2), balancerMac('ab12', 1), networkMac('ab13', 1)]
    expect(new Set(all).size).toBe(all.length)
    for (const mac of all) expect(Number.parseInt(mac.slice(0, 2), 16) & 3).toBe(2)
  })
})

describe('the packet filter of the outside', () => {
  it('lets a link send with its own MAC and addresses alone', () => {
    expect(bridge?.sets?.get('senders')?.elements).toEqual([`"hxab12-n1" . ${networkMac('ab12', 1)} . 198.18.100.10`, `"hxab12-b7" . ${balancerMac('ab12', 7)} . 203.0.113.9`])
    expect(bridge?.sets?.get('senders6')?.elements).toEqual([`"hxab12-n1" . ${networkMac('ab12', 1)} . 2001:db8::10`])
    expect(bridge?.sets?.get('arp_senders')?.elements).toHaveLength(2)
    expect(bridge?.chains?.get('from_port')?.rules.at(-1)).toBe('drop')
  })

  it('gives the host’s own address outside to those that are routed nowhere, and to no others', () => {
    expect(host?.sets?.get('unrouted')?.elements).toEqual(['198.18.100.10'])
    expect(host?.sets?.get('addresses')?.elements).toEqual(['198.18.100.10', '203.0.113.9'])
    expect(host?.sets?.get('unreachable')?.elements).toContain('192.0.2.0/24')
  })

  it('bounds what an address is asked for by what it is to bear, in few rules', () => {
    const asked = (...ports: { connections?: number }[]) => externalTables({ hostTag: 'ab12', denied: [], ports: ports.map((port, at) => ({ name: `hxab12-b${at}`, mac: balancerMac('ab12', at + 1), addresses: [`198.18.100.${at + 10}`], ...port })) }).get('inet hypernetes_ext_ab12')?.[0]
    const section = asked({}, { connections: 12_000 }, { connections: 16_384 }, { connections: 1_000_000 })
    expect(section?.sets?.get('bears4_8192')?.elements).toEqual(['198.18.100.10'])
    expect(section?.sets?.get('bears4_16384')?.elements).toEqual(['198.18.100.11', '198.18.100.12'])
    expect(section?.sets?.get('bears4_32768')?.elements).toEqual(['198.18.100.13'])
    expect(section?.chains?.get('forward')?.rules.filter((rule) => rule.includes('@asked4'))).toHaveLength(3)
    // As much as an address bears is no other's rule to change.
    expect(asked({}, {})?.chains).toEqual(asked({})?.chains)
  })

  it('asks no kernel for what it has not', () => {
    const section = externalTables({ hostTag: 'ab12', denied: [], ports: [], hasTimeouts: false }).get('inet hypernetes_ext_ab12')?.[0]
    expect(JSON.stringify([...section?.chains ?? []])).not.toContain('hasty')
    expect(section?.timeouts?.size).toBe(0)
  })

  it('goes as a whole, whether it is there or not', () => {
    expect(removeExternalTables('ab12').match(/^delete table/gm)).toHaveLength(2)
  })
})
