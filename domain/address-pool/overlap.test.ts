import { describe, expect, it } from 'vitest'
import { networkSpec } from '../network/spec'
import { poolClashes } from './overlap'

const spec = networkSpec.parse({
  subnets: { a: { cidr: '10.1.0.0/16' }, b: { cidr: 'fd00:1::/64' } }, serviceCIDRs: ['10.2.0.0/24', 'fd00:2::/112'],
  routes: [{ destination: '10.3.0.0/16', via: '10.1.0.9' }],
})
const met = (...cidrs: string[]) => poolClashes(spec, cidrs.map((cidr, i) => ({ name: `p${i}`, cidr }))).map(({ path, pool }) => [path.join('.'), pool.name])

describe('a network and pools', () => {
  it('meet in subnets, services and routes of either family, larger or smaller', () => {
    expect(met('10.1.7.0/24')).toEqual([['subnets.a.cidr', 'p0']])
    expect(met('10.2.0.0/24')).toEqual([['serviceCIDRs.0', 'p0']])
    expect(met('fd00:2::/120')).toEqual([['serviceCIDRs.1', 'p0']])
    expect(met('10.3.255.0/24')).toEqual([['routes.0.destination', 'p0']])
    expect(met('198.18.0.0/15', '10.0.0.0/8')).toEqual([['subnets.a.cidr', 'p1'], ['serviceCIDRs.0', 'p1'], ['routes.0.destination', 'p1']])
  })
  it('that are apart do not meet, and addresses of services that nobody wrote count', () => {
    expect(met('198.18.100.0/24', 'fd00:3::/64')).toEqual([])
    expect(met()).toEqual([])
    expect(poolClashes(networkSpec.parse({ subnets: { a: { cidr: '10.1.0.0/16' } } }), [{ name: 'p', cidr: '10.96.0.0/24' }])).toMatchObject([{ path: ['serviceCIDRs', 0] }])
  })
})
