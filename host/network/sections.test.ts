import { describe, expect, it } from 'vitest'
import { networkState } from './network-state'
import { networkSections, remembered } from './sections'

const network = { id: 'n', number: 1, cidr: '10.0.0.0/24', gateway: '10.0.0.1', outbound: 'none' as const }
const pod = (last: number) => ({ network, pod: { uid: `p${last}`, address: `10.0.0.${last}`, prefixLength: 24, mac: `02:00:00:00:00:0${last}`, runAsUid: 700_000 + last } })

describe('a section of a packet filter', () => {
  it('is the same as long as what it is made of is equal, and made anew where it is not', () => {
    let made = 0
    const section = remembered(({ subnets }) => ({ counters: [`n${made++}${subnets.length}`] }), ['subnets'])
    const [one, two] = [networkState(network, [pod(5)]), networkState(network, [pod(5), pod(6)])]
    expect(section(two)).toBe(section(one))
    expect(section({ ...two, subnets: [] })).not.toBe(section(one))
    expect(made).toBe(3)
  })

  it('of policies and peers does not change with the pods of this host', () => {
    const sections = networkSections()
    const [, policies, peers] = sections(networkState(network, [pod(5)]))
    const [, policiesAfter, peersAfter] = sections(networkState(network, [pod(5), pod(6)]))
    expect([policiesAfter === policies, peersAfter === peers]).toEqual([true, true])
  })
})
