import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { pino } from 'pino'
import { run } from '@/platform/exec'
import type { Attachment } from '../attachment'
import type { HostNetwork } from '../host-network'
import { namespaceName, tapName, uplinkName, uplinkTable } from '../names'
import { ruleset, wholeNamespace } from '../testing/kernel-snapshot'
import { Lab, network, pod, until } from '../testing/lab'
import { watchNetworks } from './network-watch'

let lab: Lab
let hosts: HostNetwork
let inside: string
let right: { inside: string[]; host: string[] }
/** Commands since the last look at it. */
let commands: string[] = []

const six = { cidr: 'fd00::/64', gateway: 'fd00::1' }
const place = (last: number): Attachment => ({ network: network(1, { ipv6: six, outbound: 'nat' }), pod: pod(`p${last}`, last, { ipv6: { address: `fd00::${last}`, prefixLength: 64 } }) })
const [tap, link, transit] = [tapName('p5'), () => uplinkName(lab.hostTag, 1), async () => (await lab.traces()).routes.flatMap((line) => /^(100\.[\d.]+) dev/.exec(line)?.[1] ?? [])[0] ?? '']
const nothing = { repairs: [], lostTaps: [] }
const state = async () => ({
  inside: (await wholeNamespace(inside)).filter((line) => !line.includes('"ifname":"lo"')),
  host: [...await ruleset(lab.host, 'inet', uplinkTable(lab.hostTag)), ...(await lab.traces()).routes.sort(), ...(await lab.in(lab.host, 'ip', 'neigh', 'show', 'nud', 'permanent')).stdout.split('\n')],
})

beforeAll(async () => {
  lab = await Lab.create()
  hosts = lab.hostNetwork({ deviceKind: 'tap', run: (command, args, options) => {
    commands.push(command)
    return run(command, args, options)
  } })
  inside = namespaceName(lab.hostTag, 1)
  await hosts.attach(place(5))
  await hosts.attach(place(6))
  await hosts.attach({ network: network(2), pod: pod('other', 5) })
  await hosts.mend()
  right = await state()
})
afterAll(async () => {
  await hosts?.close()
  await lab?.destroy()
})

/** What another program may do to a network's namespace. */
const changes: [string, string[], () => Promise<unknown>][] = [
  ['a route that is gone', ['route 10.0.0.5'], () => lab.ip(inside, ['route delete 10.0.0.5'])],
  ['a route of IPv6 that is gone', ['route fd00::5'], () => lab.ip(inside, ['route delete fd00::5'])],
  ['a route that is new', ['route 10.9.0.0/16'], () => lab.ip(inside, ['route add 10.9.0.0/16 dev lo'])],
  ['an address that is gone', ['address 10.0.0.1/32 on lo'], () => lab.ip(inside, ['address delete 10.0.0.1/32 dev lo'])],
  ['an address that is new', ['address 192.0.2.1/24'], () => lab.ip(inside, [`address add 192.0.2.1/24 dev ${tap}`])],
  ['a neighbour that is gone', ['neighbour fd00::5'], () => lab.ip(inside, [`neigh delete fd00::5 dev ${tap}`])],
  ['a neighbour that is another', ['neighbour 10.0.0.5'], () => lab.ip(inside, [`neigh replace 10.0.0.5 lladdr 02:00:00:00:99:99 nud permanent dev ${tap}`])],
  ['a device that is down', [`settings of ${tap}`], () => lab.ip(inside, [`link set ${tap} down`])],
  ['a device that is new', ['device stray'], () => lab.ip(inside, ['link add stray type veth peer name stray2'])],
  ['a rule that is gone', ['rules'], () => lab.in(inside, 'nft', 'flush', 'chain', 'inet', 'hypernetes', 'output')],
  ['a rule that is new', ['rules'], () => lab.in(inside, 'nft', 'insert', 'rule', 'inet', 'hypernetes', 'forward', 'accept')],
  ['an element of a set that is gone', ['rules'], () => lab.in(inside, 'nft', 'delete', 'element', 'inet', 'hypernetes', 'gateways', '{ 10.0.0.1 }')],
  ['a table of another', ['rules'], () => lab.in(inside, 'nft', 'add', 'table', 'ip', 'stray')],
  ['all rules', ['rules'], () => lab.in(inside, 'nft', 'flush', 'ruleset')],
  ['the link to the host, which is gone', ['link hyp', 'route default'], () => lab.ip(lab.host, [`link delete ${link()}`])],
  ['the link of the host, which is down', ['link hyp'], () => lab.ip(lab.host, [`link set ${link()} down`])],
  ['the host’s route to a network', ['link hyp'], async () => lab.ip(lab.host, [`route delete ${await transit()}`])],
  ['the host’s neighbour', ['link hyp'], async () => lab.ip(lab.host, [`neigh delete ${await transit()} dev ${link()}`])],
  ['the host’s table', ['rules of the host'], () => lab.in(lab.host, 'nft', 'delete', 'table', 'inet', uplinkTable(lab.hostTag))],
  ['a set of the host’s table', ['rules of the host'], () => lab.in(lab.host, 'nft', 'flush', 'set', 'inet', uplinkTable(lab.hostTag), 'sources')],
]

describe('what other programs change', () => {
  it.each(changes)('is found and put right: %s', async (_, said, change) => {
    await hosts.mend()
    expect(await hosts.mend()).toEqual(nothing)
    await change()
    const report = await hosts.mend()
    for (const text of said) expect(report.repairs.join('\n')).toContain(text)
    expect(report.lostTaps).toEqual([])
    expect(await state()).toEqual(right)
  })

  it('costs one process to look for, where nothing was changed, and none of its own changes is one', async () => {
    await hosts.mend()
    await hosts.attach(place(7))
    expect(await hosts.mend()).toEqual(nothing)
    await hosts.detach('p7')
    expect(await hosts.mend()).toEqual(nothing)
    await lab.in(lab.host, 'nft', 'add', 'table', 'ip', 'others')
    expect(await hosts.mend()).toEqual(nothing)
    await lab.in(lab.host, 'nft', 'delete', 'table', 'ip', 'others')
    await hosts.mend()
    commands = []
    expect(await hosts.mend()).toEqual(nothing)
    expect(commands).toEqual(['perl'])
  })

  it('is put right between peers too', async () => {
    const peered = [3, 4] as const
    const own = (number: number) => `10.${number}.0`
    for (const number of peered) {
      const peer = 7 - number
      const networkId = `network-${number}`
      await hosts.applyObjects(networkId, { kind: 'networkObjects', networkId, complete: true, remove: [], set: [
        { kind: 'network', number, name: networkId, tenantId: 't', subnets: [{ name: 'a', cidr: `${own(number)}.0/24`, gateway: `${own(number)}.1` }], serviceCidrs: [], routes: [], outbound: 'none', mtu: 1450, dns: { domain: 'cluster.local', upstream: false, nameservers: [] } },
        { kind: 'peer', uid: `00000000-0000-4000-8000-00000000000${number}`, number: peer, name: `network-${peer}`, subnets: [`${own(peer)}.0/24`] },
      ] })
      await hosts.attach({ network: network(number, { cidr: `${own(number)}.0/24`, gateway: `${own(number)}.1` }), pod: pod(`peered-${number}`, 5, { address: `${own(number)}.5` }) })
    }
    await hosts.mend()
    expect(await hosts.mend()).toEqual(nothing)
    await lab.ip(namespaceName(lab.hostTag, 3), ['link delete peer4'])
    expect((await hosts.mend()).repairs).toEqual(['link between networks 3 and 4 made'])
    expect((await lab.in(namespaceName(lab.hostTag, 4), 'ip', 'route')).stdout).toContain('10.3.0.0/24 via')
    for (const number of peered) await hosts.detach(`peered-${number}`)
  })

  it('is seen by the watch, which tells of pods whose device was gone', async () => {
    const lost: string[] = []
    const end = watchNetworks({ network: hosts, log: pino({ level: 'silent' }), onLostTaps: (uids) => lost.push(...uids), everyMs: 20 })
    try {
      await lab.ip(inside, [`link delete ${tap}`])
      await run('ip', ['netns', 'delete', namespaceName(lab.hostTag, 2)])
      await until(async () => lost.length === 2)
    } finally {
      await end()
    }
    expect(lost.sort()).toEqual(['other', 'p5'])
    await hosts.mend()
    expect(await hosts.mend()).toEqual(nothing)
    expect((await state()).host).toEqual(right.host)
  })
})
