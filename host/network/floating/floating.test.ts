import { describe, expect, it } from 'vitest'
import { floatingSection } from './floating-section'
import { strayFlows } from './floating-flows'
import { KnownFloating } from './known-floating'

const binding = (last: number, target: string) => ({ uid: `u${last}`, address: `198.18.100.${last}`, podUid: `p${target}`, target })
const subnets = [{ cidr: '10.0.0.0/24', gateway: '10.0.0.1' }]
const state = (floating: ReturnType<typeof binding>[], outbound: 'nat' | 'none' = 'nat') => ({ subnets, serviceCidrs: [], routes: [], outbound, floating, transit: '100.64.0.1' })

describe('the section of addresses of the outside', () => {
  it('is nothing where there is none', () => {
    expect(floatingSection(state([]))).toEqual({})
  })

  it('changes elements alone where an address moves', () => {
    const before = floatingSection(state([binding(10, '10.0.0.5')]))
    const after = floatingSection(state([binding(10, '10.0.0.6')]))
    expect(after.chains).toEqual(before.chains)
    expect(after.sets).toEqual(before.sets)
    expect(after.maps?.get('floating_to4')?.elements).toEqual(new Map([['198.18.100.10', '10.0.0.6']]))
    expect(after.maps?.get('floating_from4')?.elements).toEqual(new Map([['10.0.0.6', '198.18.100.10']]))
  })

  it('has one address for what a pod opens itself, the first', () => {
    expect(floatingSection(state([binding(10, '10.0.0.5'), binding(11, '10.0.0.5')])).maps?.get('floating_from4')?.elements).toEqual(new Map([['10.0.0.5', '198.18.100.10']]))
  })

  it('lets out nothing where the network lets out nothing', () => {
    const rules = (outbound: 'nat' | 'none') => floatingSection(state([binding(10, '10.0.0.5')], outbound)).chains?.get('floating_forward')?.rules ?? []
    expect(rules('nat')).toContain('iifname "tap*" oifname "ext0" accept')
    expect(rules('none')).not.toContain('iifname "tap*" oifname "ext0" accept')
    expect(rules('none').at(-1)).toBe('oifname "ext0" drop')
  })
})

describe('connections that do not belong to an address any more', () => {
  const flow = (from: string, to: string, answers: string, answered: string) => `tcp      6 431999 ESTABLISHED src=${from} dst=${to} sport=1 dport=80 src=${answers} dst=${answered} sport=80 dport=1 [ASSURED] mark=0 use=1`
  it.each([
    ['led to its pod', false, flow('203.0.113.1', '198.18.100.10', '10.0.0.5', '203.0.113.1')],
    ['led to the pod before', true, flow('203.0.113.1', '198.18.100.10', '10.0.0.6', '203.0.113.1')],
    ['led by an address that went', true, flow('203.0.113.1', '198.18.100.99', '10.0.0.6', '203.0.113.1')],
    ['untranslated to an address of this network', true, flow('10.0.0.6', '198.18.100.10', '198.18.100.10', '100.64.0.1')],
    ['of a pod, from its address', false, flow('10.0.0.5', '203.0.113.1', '203.0.113.1', '198.18.100.10')],
    ['of a pod, from an address that it has not', true, flow('10.0.0.6', '203.0.113.1', '203.0.113.1', '198.18.100.10')],
    ['of a pod with an address, by the uplink still', true, flow('10.0.0.5', '203.0.113.1', '203.0.113.1', '100.64.0.1')],
    ['of a pod without, by the uplink', false, flow('10.0.0.6', '203.0.113.1', '203.0.113.1', '100.64.0.1')],
    ['to another network’s address', false, flow('10.0.0.6', '198.18.100.77', '198.18.100.77', '100.64.0.1')],
    ['from another network’s address', false, flow('198.18.100.77', '198.18.100.10', '10.0.0.5', '198.18.100.77')],
    ['of a pod with itself by its address', false, flow('10.0.0.5', '198.18.100.10', '10.0.0.5', '10.0.0.1')],
    ['inside', false, flow('10.0.0.5', '10.0.0.6', '10.0.0.6', '10.0.0.5')],
    ['of nonsense', false, 'no flow'],
  ])('%s: %s', (_, isStray, line) => {
    const { read, found } = strayFlows(state([binding(10, '10.0.0.5')]), ['198.18.100.0/24'])
    read(line)
    expect(found.size).toBe(isStray ? 1 : 0)
  })

  it('are ended by one command an address and pod, however many a tenant opened', () => {
    const { read, found } = strayFlows(state([binding(10, '10.0.0.5')]), ['198.18.100.0/24'])
    for (let port = 0; port < 10_000; port++) {
      const other = `203.0.${port >> 8}.${port & 255}`
      read(flow('10.0.0.6', other, other, '198.18.100.99'))
      read(flow(other, '198.18.100.10', '10.0.0.6', other))
    }
    expect([...found.values()]).toEqual([['--orig-src', '10.0.0.6', '--reply-dst', '198.18.100.99'], ['--orig-dst', '198.18.100.10', '--reply-src', '10.0.0.6']])
  })
})

describe('what is known of addresses', () => {
  it('is in one order, whichever way it came, and forgets errors of what went', () => {
    const known = new KnownFloating()
    const all = [11, 10].map((last) => ({ ...binding(last, '10.0.0.5'), networkId: 'n' }))
    known.set(all)
    expect(known.of('n').map(({ address }) => address)).toEqual(['198.18.100.10', '198.18.100.11'])
    known.failed(['u10', 'u11'], new Error('no'))
    known.set(all.slice(0, 1))
    expect([known.errorOf('u10'), known.errorOf('u11')]).toEqual([undefined, new Error('no')])
    known.carriedOut(['u11'])
    expect(known.errorOf('u11')).toBe(undefined)
  })
})
