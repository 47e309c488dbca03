import { describe, expect, it } from 'vitest'
import { LeaseGuard } from './lease-guard'

/** What the kernel was told, in order, and what it refuses. */
function guarding(remaining = 5_000) {
  const said: string[] = []
  const kernel = { refuses: (_: string) => false, loadRules: async (rules: string) => { if (kernel.refuses(rules)) throw new Error('refused'); said.push(rules) } }
  const lease = { left: remaining }
  return { said, kernel, lease, guard: new LeaseGuard({ hostTag: 't', kernel, lease: { remainingMs: () => lease.left } }) }
}
const link = (name: string) => ({ name, addresses: ['198.18.100.2'] })

describe('what speaks only while the server is heard of', () => {
  it('replaces what an earlier agent left, also where nothing has a time any more', async () => {
    const { said, guard } = guarding()
    await guard.adopt({ links: new Map(), addresses: new Map() })
    expect(said).toEqual(['table bridge hypernetes_lease_t\ndelete table bridge hypernetes_lease_t\n'])
    // Nothing is there: nothing is to be done.
    await guard.cover('hxt-b1', null)
    await guard.renew()
    expect(said).toHaveLength(1)
  })

  it('changes one element for one link or address, and is renewed by one step however many there are', async () => {
    const { said, guard } = guarding()
    await guard.adopt({ links: new Map([['hxt-b1', 15]]), addresses: new Map() })
    await guard.coverAddresses(new Map([['198.18.100.2', 15], ['198.18.100.3', 15]]))
    await guard.coverAddresses(new Map([['198.18.100.3', 15]]))
    await guard.renew()
    const alive = 'flush set bridge hypernetes_lease_t alive_15\nadd element bridge hypernetes_lease_t alive_15 { ip timeout 5s0ms, arp timeout 5s0ms, ip6 timeout 5s0ms }\n'
    expect(said.slice(1)).toEqual([
      `add element bridge hypernetes_lease_t addresses_15 { 198.18.100.2, 198.18.100.3 }\n${alive}`,
      `delete element bridge hypernetes_lease_t addresses_15 { 198.18.100.2 }\n${alive}`,
      alive,
    ])
  })

  it('keeps an IPv6 address from being asked for on the wire, too', async () => {
    const { said, guard } = guarding()
    await guard.coverAddresses(new Map([['2001:db8::12:3456', 15], ['2001:db8:1::12:3456', 15]]))
    expect(said[0]).toContain('set addresses6_15 { type ipv6_addr; elements = { 2001:db8::12:3456, ff02::1:ff12:3456, 2001:db8:1::12:3456 }; }')
    await guard.coverAddresses(new Map([['2001:db8:1::12:3456', 15]]))
    // The question is for both.
    expect(said[1]).toContain('delete element bridge hypernetes_lease_t addresses6_15 { 2001:db8::12:3456 }\n')
  })

  it('has nobody speak once their time is over, and a time of its own for each', async () => {
    const { said, guard, lease } = guarding()
    lease.left = 0
    await guard.adopt({ links: new Map([['hxt-b1', 15]]), addresses: new Map([['198.18.100.2', 20]]) })
    expect(said[0]).toContain('set alive_15')
    expect(said[0]).toContain('set alive_20')
    expect(said[0]).not.toContain('add element')
  })

  it('is made anew where others removed it, and counts as there only when it is', async () => {
    const { said, guard, kernel } = guarding()
    await guard.adopt({ links: new Map([['hxt-b1', 15]]), addresses: new Map() })
    kernel.refuses = (rules) => !rules.includes('table bridge hypernetes_lease_t {')
    await guard.renew()
    expect(said.at(-1)).toContain('set links_15 { type ifname; elements = { "hxt-b1" }; }')
    kernel.refuses = () => true
    await expect(guard.cover('hxt-b2', 15)).rejects.toThrow('refused')
    expect([guard.covers(link('hxt-b1')), guard.covers(link('hxt-b2'))]).toEqual([false, false])
    kernel.refuses = () => false
    // Said again, it is tried again.
    await guard.cover('hxt-b2', 15)
    expect([guard.covers(link('hxt-b1')), guard.covers(link('hxt-b2')), guard.covers(link('hxt-n1'))]).toEqual([true, true, false])
    await guard.coverAddresses(new Map([['198.18.100.2', 15]]))
    expect([guard.covers(link('hxt-n1')), guard.covers({ ...link('hxt-n1'), addresses: ['198.18.100.2', '198.18.100.3'] })]).toEqual([true, false])
  })
})
