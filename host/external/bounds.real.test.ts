import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { pino } from 'pino'
import type { HostAddressPool, HostFloatingAddress } from '@/contracts/host/v1/external'
import type { Attachment } from '@/host/network/attachment'
import type { HostNetwork } from '@/host/network/host-network'
import { HOST, Lab, network, OUTSIDE, pod } from '@/host/network/testing/lab'
import { FloatingAddresses } from './floating-addresses'

let lab: Lab
let hosts: HostNetwork
const guests: string[] = []
const uid = (last: number) => `00000000-0000-4000-8000-0000000000${last.toString(16).padStart(2, '0')}`
const POOL: HostAddressPool = { kind: 'addressPool', uid: uid(240), name: 'default', cidr: '198.18.100.0/24', gateway: '198.18.100.1' }
const place = (number: number): Attachment => ({ network: network(number, { id: uid(200 + number), outbound: 'nat' }), pod: pod(`p${number}`, 5) })
const address = (last: number, to: Attachment): HostFloatingAddress => ({ kind: 'floatingAddress', uid: uid(last), address: `198.18.100.${last}`, networkId: to.network.id, podUid: to.pod.uid, podAddress: to.pod.address })
const [one, other, third] = [place(1), place(2), place(3)]

/** Sends a datagram to each of so many ports of an address. */
const knock = (from: string, to: string, ports: number) => lab.in(from, 'node', '-e', `
const socket = require('node:dgram').createSocket('udp4')
const next = (port) => (port > ${ports} ? socket.close() : socket.send('x', port, '${to}', () => next(port + 1)))
next(1)
`)
const flows = async (side: '--orig-src' | '--orig-dst', of: string) => (await lab.in(lab.host, 'conntrack', '-L', '-f', 'ipv4', side, of)).stdout.split('\n').filter((line) => line !== '').length

beforeAll(async () => {
  lab = await Lab.create()
  hosts = lab.hostNetwork()
  await lab.ip(lab.outside, [`route add 198.18.100.0/24 via ${HOST}`])
  for (const each of [one, other, third]) guests.push(await lab.start(hosts, each))
  const floating = new FloatingAddresses({ network: hosts, log: pino({ level: 'silent' }), onReport: () => {} })
  floating.apply([POOL], [address(10, one), address(20, other), address(30, third)])
  await floating.settled()
})
afterAll(async () => {
  await hosts?.close().catch(() => undefined)
  await lab?.destroy()
})

describe('the host’s table of connections', () => {
  it('is not filled by one network, neither to the outside nor to an address of its own host', async () => {
    // Side by side: the kernel forgets the first after half a minute.
    await Promise.all(['198.18.100.20', OUTSIDE].map((to) => knock(guests[0]!, to, 3000)))
    const begun = await flows('--orig-src', '198.18.100.10')
    // Those of a network are counted together.
    expect(begun).toBeGreaterThan(3000)
    expect(begun).toBeLessThanOrEqual(4096)
    // Others go on.
    await lab.serve(lab.outside, 'outside')
    await lab.hears(guests[1]!, OUTSIDE, 'outside')
  })

  it('is not filled by what is asked of one address, and others are reached', async () => {
    await knock(lab.outside, '198.18.100.20', 10_000)
    const asked = await flows('--orig-dst', '198.18.100.20')
    expect(asked).toBeGreaterThan(5000)
    expect(asked).toBeLessThanOrEqual(8192)
    await lab.serve(guests[2]!, 'third')
    await lab.hears(lab.outside, '198.18.100.30', 'third')
  })

  it('forgets soon what is not answered', async () => {
    const { stdout } = await lab.in(lab.host, 'nft', 'list', 'table', 'inet', `hypernetes_ext_${lab.hostTag}`)
    expect(stdout).toContain('syn_sent : 10')
    // Whom nobody answers: the pod's own packet filter lets it in, and nothing is there.
    await lab.in(guests[2]!, 'nft', 'add table ip silent; add chain ip silent c { type filter hook input priority 0; policy drop; }')
    // A machine that took too long has forgotten it before it is listed.
    await expect.poll(async () => {
      await lab.in(lab.outside, 'busybox', 'nc', '-w', '1', '198.18.100.30', '81').catch(() => undefined)
      const [line = ''] = (await lab.in(lab.host, 'conntrack', '-L', '-f', 'ipv4', '--orig-dst', '198.18.100.30', '-p', 'tcp', '--dport', '81')).stdout.split('\n')
      return Number(/^tcp +6 (\d+) SYN_SENT/.exec(line)?.[1])
    }).toBeLessThanOrEqual(10)
  })
})
