import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Attachment } from '@/host/network/attachment'
import type { HostNetwork } from '@/host/network/host-network'
import { Lab, network, OUTSIDE, pod } from '@/host/network/testing/lab'
import { run } from '@/platform/exec'
import { balancerMac, bridgeName } from './names'

let lab: Lab
let hosts: HostNetwork
let guest: string
let inside: string
const POOL = { uid: '00000000-0000-4000-8000-0000000000f0', name: 'default', cidr: '198.18.100.0/24', gateway: '198.18.100.1' }
const OTHER = { ...POOL, uid: '00000000-0000-4000-8000-0000000000f1', name: 'other', cidr: '198.18.101.0/24', gateway: '198.18.101.1' }
const SIX = { uid: '00000000-0000-4000-8000-0000000000f6', name: 'six', cidr: '2001:db8:100::/64', gateway: '2001:db8:100::1' }
const one: Attachment = { network: network(1, { outbound: 'nat' }), pod: pod('web', 5) }

const held = async () => (await Promise.all(['-4', '-6'].map(async (family) => (await lab.in(lab.host, 'ip', family, 'route', 'show', 'type', 'unreachable')).stdout))).join('').split('\n').flatMap((line) => (line.includes('metric 4294967295') ? [line.split(' ')[1]] : []))
/** Whether a ping of an address gets out of the host by its default route. */
async function leaves(from: string, to: string): Promise<boolean> {
  const seen = await lab.count(lab.outside, `ip daddr ${to}`)
  await lab.pings(from, to)
  return await seen() > 0
}

beforeAll(async () => {
  lab = await Lab.create()
  hosts = lab.hostNetwork()
  guest = await lab.start(hosts, one)
  inside = `hypb-${lab.hostTag}-n7`
  await run('ip', ['netns', 'add', inside])
  await lab.reaches(guest, OUTSIDE)
})
afterAll(async () => {
  await hosts?.close().catch(() => undefined)
  await run('ip', ['netns', 'delete', inside]).catch(() => undefined)
  await lab?.destroy()
})

describe('what is for an address of a pool that nobody here answers for', () => {
  it('leaves by the default route where the host knows of no such pool, and ends at the host where it does', async () => {
    expect([await leaves(guest, '198.18.100.77'), await leaves(lab.host, '198.18.100.77')]).toEqual([true, true])
    await hosts.external.setPools([POOL, SIX])
    expect((await held()).sort()).toEqual(['198.18.100.0/24', '2001:db8:100::/64'])
    expect([await leaves(guest, '198.18.100.77'), await leaves(lab.host, '198.18.100.77')]).toEqual([false, false])
    // Also of what has a way out itself, and while the bridge is there.
    await hosts.external.attach({ namespace: inside, device: 'ext0', mac: balancerMac(lab.hostTag, 7), addresses: ['198.18.100.50'] })
    await lab.reaches(lab.host, '198.18.100.50')
    expect([await leaves(guest, '198.18.100.77'), await leaves(lab.host, '198.18.100.77')]).toEqual([false, false])
    await hosts.external.detach(inside)
    expect(await leaves(lab.host, '198.18.100.50')).toBe(false)
  })

  it('goes where an operator’s own route leads', async () => {
    await lab.ip(lab.host, [`route replace 198.18.100.0/24 via ${OUTSIDE}`])
    expect(await leaves(lab.host, '198.18.100.77')).toBe(true)
    await lab.ip(lab.host, [`route delete 198.18.100.0/24 via ${OUTSIDE}`])
  })

  it('is as the pools are, also after another agent and where others removed it', async () => {
    await hosts.external.setPools([POOL, OTHER])
    expect((await held()).sort()).toEqual(['198.18.100.0/24', '198.18.101.0/24'])
    hosts = lab.hostNetwork()
    await hosts.external.setPools([OTHER])
    await hosts.reconcile([one])
    expect(await held()).toEqual(['198.18.101.0/24'])
    await hosts.mend()
    expect((await hosts.mend()).repairs).toEqual([])
    await lab.in(lab.host, 'ip', 'route', 'delete', 'unreachable', '198.18.101.0/24', 'metric', '4294967295')
    expect((await hosts.mend()).repairs).toEqual(['route unreachable 198.18.101.0/24 made'])
    expect((await hosts.mend()).repairs).toEqual([])
  })

  it('is no pool’s of this host while the host has an address of its own there, also one that came after the pools were said', async () => {
    await lab.unlink(lab.host, 'late')
    await lab.ip(lab.host, ['link add late type veth peer name late1', 'address add 198.18.101.9/16 dev late', 'link set late up'])
    await hosts.mend()
    expect(await held()).toEqual([])
    expect(hosts.external.problemOf('198.18.101.50')).toContain('overlaps 198.18.101.9/16, which this host has on late')
    await lab.ip(lab.host, ['link delete late'])
    await hosts.mend()
    expect(await held()).toEqual(['198.18.101.0/24'])
    expect(hosts.external.problemOf('198.18.101.50')).toBeNull()
  })

  it('may be another machine’s where an operator’s interface is in the bridge', async () => {
    for (const link of ['wire0', bridgeName(lab.hostTag)]) await lab.unlink(lab.host, link)
    await lab.ip(lab.host, [`link add ${bridgeName(lab.hostTag)} type bridge`, 'link add wire0 type veth peer name wire1', `link set wire0 master ${bridgeName(lab.hostTag)} up`])
    await hosts.mend()
    expect(await held()).toEqual([])
    await lab.ip(lab.host, ['link delete wire0', `link delete ${bridgeName(lab.hostTag)}`])
    await hosts.mend()
    expect(await held()).toEqual(['198.18.101.0/24'])
  })

  it('is the machine’s own matter once the agent ends: with the last link, where there is one', async () => {
    await hosts.external.attach({ namespace: inside, device: 'ext0', mac: balancerMac(lab.hostTag, 7), addresses: ['198.18.101.50'] })
    await hosts.external.leavePools()
    expect(await held()).toEqual(['198.18.101.0/24'])
    await hosts.external.detach(inside)
    expect(await held()).toEqual([])
    await hosts.external.setPools([OTHER])
    await hosts.external.leavePools()
    expect(await held()).toEqual([])
  })
})
