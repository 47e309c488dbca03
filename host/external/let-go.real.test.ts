import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { pino } from 'pino'
import type { HostAddressPool, HostFloatingAddress } from '@/contracts/host/v1/external'
import type { Attachment } from '@/host/network/attachment'
import type { HostNetwork } from '@/host/network/host-network'
import type { Run } from '@/host/network/kernel'
import { namespaceName } from '@/host/network/names'
import { HOST, Lab, network, OUTSIDE, pod, until } from '@/host/network/testing/lab'
import { run } from '@/platform/exec'
import { bindings, FloatingAddresses } from './floating-addresses'
import { externalTable } from './names'

let lab: Lab
let hosts: HostNetwork
let floating: FloatingAddresses
const guests: Record<string, string> = {}
/** What a command of the host, and what it is to read, waits for, or fails with, before it runs. */
let before: (line: string, input?: string | Uint8Array) => Promise<void> = async () => {}
const gated: Run = async (...args) => {
  await before([args[0], ...args[1] ?? []].join(' '), args[2]?.input)
  return run(...args)
}

const uid = (last: number) => `00000000-0000-4000-8000-0000000000${last.toString(16).padStart(2, '0')}`
const POOL: HostAddressPool = { kind: 'addressPool', uid: uid(240), name: 'default', cidr: '198.18.100.0/24', gateway: '198.18.100.1' }
const place = (number: number, last: number): Attachment => ({ network: network(number, { id: uid(200 + number), outbound: 'nat' }), pod: pod(`p${number}-${last}`, last) })
const address = (last: number, to: Attachment): HostFloatingAddress => ({ kind: 'floatingAddress', uid: uid(last), address: `198.18.100.${last}`, networkId: to.network.id, podUid: to.pod.uid, podAddress: to.pod.address })
const [web, db, other, third] = [place(1, 5), place(1, 6), place(2, 5), place(3, 5)]
const namespace = (number: number) => namespaceName(lab.hostTag, number)
const phase = (last: number) => floating.report(uid(last))?.phase

function open() {
  hosts = lab.hostNetwork({ run: gated })
  floating = new FloatingAddresses({ network: hosts, log: pino({ level: 'silent' }), onReport: () => {} })
}
async function give(...addresses: HostFloatingAddress[]): Promise<void> {
  floating.apply([POOL], addresses)
  await floating.settled()
}
/** A datagram from a port to a port, which whoever is between remembers. */
const sends = (from: string, to: string, sourcePort: number, port: number) => lab.in(from, 'sh', '-c', `echo hello | socat -u - UDP4-SENDTO:${to}:${port},sourceport=${sourcePort},reuseaddr`)
const hostFlows = async (of: string) => (await lab.in(lab.host, 'conntrack', '-L', '-f', 'ipv4')).stdout.split('\n').filter((line) => line.includes(`=${of} `))

beforeAll(async () => {
  lab = await Lab.create()
  open()
  await lab.ip(lab.outside, [`route add 198.18.100.0/24 via ${HOST}`])
  for (const one of [web, db, other, third]) guests[one.pod.uid] = await lab.start(hosts, one)
})
afterAll(async () => {
  before = async () => {}
  await hosts?.close().catch(() => undefined)
  await lab?.destroy()
})

describe('a tenant whose network takes long to let go of an address', () => {
  it('keeps no other’s from going, coming and being told of', async () => {
    await give(address(10, web), address(20, other), address(30, third))
    let open = () => {}
    const gate = new Promise<void>((resolve) => (open = resolve))
    let isHeldUp = false
    before = async (line) => {
      if (!line.includes(`${namespace(1)} conntrack`)) return
      isHeldUp = true
      await gate
    }
    floating.apply([POOL], [address(20, other), address(30, third)])
    await until(async () => isHeldUp)
    // The others: one goes, one comes, and one is let go as at the end of a lease.
    floating.apply([POOL], [address(30, third), address(21, other)])
    await until(async () => phase(20) === 'Gone' && phase(21) === 'Active')
    expect(hosts.external.portOf(namespace(2))?.addresses).toEqual(['198.18.100.21'])
    floating.apply([POOL], [])
    await until(async () => phase(21) === 'Gone' && phase(30) === 'Gone')
    expect(floating.report(uid(10))).toMatchObject({ phase: 'Failed', reason: 'Leaving' })
    // Nobody else gets it before, and then at once, without another word.
    floating.apply([POOL], [{ ...address(10, third), uid: uid(11) }])
    await until(async () => floating.report(uid(11))?.reason === 'Coming')
    expect(hosts.external.holderOf('198.18.100.10')).toBe(namespace(1))
    open()
    before = async () => {}
    await until(async () => phase(11) === 'Active')
    expect(phase(10)).toBe('Gone')
    expect(hosts.external.holderOf('198.18.100.10')).toBe(namespace(3))
  })

  it('says whom an address waits for where that one does not let it go, and takes it once it does', async () => {
    await give(address(10, web), address(12, db))
    // The bridge refuses, so that no look makes up for it meanwhile.
    before = async (line, input = '') => {
      if (line.includes(`${lab.host} nft -f`) && String(input).includes(externalTable(lab.hostTag))) throw new Error('failed on purpose')
    }
    await give(address(12, db), { ...address(10, third), uid: uid(11) })
    await hosts.mend().catch(() => undefined)
    expect(phase(10)).toBe('Failed')
    expect(floating.report(uid(11))?.message).toContain(`answered for in ${namespace(1)} still`)
    before = async () => {}
    await hosts.mend()
    await until(async () => phase(11) === 'Active' && phase(10) === 'Gone')
  })

  it('and whose pod ends while the bridge refuses, has the address until that is made up for', async () => {
    await give(address(10, web), address(12, db))
    before = async (line) => {
      if (line.includes(`${lab.host} nft -f`)) throw new Error('failed on purpose')
    }
    await expect(hosts.detach(web.pod.uid)).rejects.toThrow('failed on purpose')
    before = async () => {}
    expect(hosts.external.holderOf('198.18.100.10')).toBe(namespace(1))
    // The pod is gone and the address is said of another network's: only now it may be.
    await give(address(12, db))
    expect(phase(10)).toBe('Gone')
    expect(hosts.external.portOf(namespace(1))?.addresses).toEqual(['198.18.100.12'])
    await hosts.detach(web.pod.uid)
    await give(address(12, db), { ...address(10, third), uid: uid(11) })
    expect(phase(11)).toBe('Active')
    guests[web.pod.uid] = await lab.start(hosts, web)
  })
})

describe('an address’ next owner', () => {
  const answers = () => sends(lab.outside, HOST, 9000, 5000)

  it('hears nothing of what the one before had asked for', async () => {
    await give(address(10, web))
    await sends(guests['p1-5']!, OUTSIDE, 5000, 9000)
    await until(async () => (await hostFlows('198.18.100.10')).length > 0)
    const heard = await lab.count(guests['p1-5']!, `ip saddr ${OUTSIDE} udp sport 9000`)
    await answers()
    await until(async () => await heard() > 0)
    await give(address(10, other))
    expect(phase(10)).toBe('Active')
    expect(await hostFlows('198.18.100.10')).toEqual([])
    const next = await lab.count(guests['p2-5']!, `ip saddr ${OUTSIDE} udp sport 9000`)
    await answers()
    // It is reached itself, so that what was sent before would have come.
    await sends(lab.outside, '198.18.100.10', 9000, 5001)
    await until(async () => await next() > 0)
    expect(await next()).toBe(1)
  })

  it('nor where the agent was killed before it had ended that', async () => {
    await give(address(10, web), address(12, other))
    await sends(guests['p1-5']!, OUTSIDE, 5000, 9000)
    await sends(guests['p2-5']!, OUTSIDE, 5002, 9000)
    await until(async () => (await hostFlows('198.18.100.10')).length > 0 && (await hostFlows('198.18.100.12')).length > 0)
    open()
    await hosts.external.setPools([POOL])
    hosts.floating.know(bindings([address(12, other)]))
    await hosts.reconcile([web, db, other, third])
    expect(await hostFlows('198.18.100.10')).toEqual([])
    // What is held goes on.
    expect((await hostFlows('198.18.100.12')).length).toBeGreaterThan(0)
    await give(address(12, other))
  })
})
