import { afterAll, beforeAll, expect, it } from 'vitest'
import type { NetworkBase, NetworkMessage, NetworkObject } from '@/contracts/host/v1/networks'
import { fuzzRuns } from '@/tools/testing/fuzz-runs'
import type { Attachment } from './attachment'
import type { HostNetwork } from './host-network'
import { namespaceName, uplinkTable } from './names'
import { ruleset, wholeNamespace } from './testing/kernel-snapshot'
import { commandsEnded, killedRun } from './testing/killed-run'
import { Lab, network, pod } from './testing/lab'

let lab: Lab
beforeAll(async () => {
  lab = await Lab.create()
}, 30_000)
afterAll(async () => {
  await lab?.destroy()
}, 30_000)

const six = { cidr: 'fd00::/64', gateway: 'fd00::1' }
const place = (last: number): Attachment => ({ network: network(1, { id: 'network-1', ipv6: six }), pod: pod(`p${last}`, last, { ipv6: { address: `fd00::${last}`, prefixLength: 64 }, bandwidth: { ingress: 10_000_000, egress: 10_000_000 } }) })
const [a, b, c] = [place(5), place(6), place(7)]

const base = (fields: Partial<NetworkBase> = {}): NetworkBase => ({
  kind: 'network', number: 1, name: 'default', tenantId: 't', subnets: [{ name: 'a', cidr: '10.0.0.0/24', gateway: '10.0.0.1' }, { name: 'six', ...six }],
  serviceCidrs: ['10.96.0.0/16', 'fd96::/112'], routes: [{ destination: '192.168.9.0/24', via: '10.0.0.5' }], outbound: 'none', mtu: 1450, dns: { domain: 'cluster.local', upstream: true, nameservers: [] }, ...fields,
})
const service = (uid: number, endpoint: string): NetworkObject => ({ kind: 'service', uid: `00000000-0000-4000-8000-00000000000${uid}`, namespace: 'default', name: `s${uid}`, addresses: [`10.96.0.${uid}`], externalName: null, localOnly: false, affinitySeconds: null, ports: [{ name: null, protocol: 'tcp', port: 80, endpoints: [{ address: endpoint, port: 8080, hostId: null }] }], hosts: [] })
const policy: NetworkObject = { kind: 'policy', uid: '00000000-0000-4000-8000-0000000000aa', source: 'SecurityGroup', namespace: null, name: 'web', members: ['10.0.0.6', 'fd00::6'], directions: ['ingress'], rules: [{ id: 'rules[0]', direction: 'ingress', protocol: 'tcp', ports: [{ first: 80, last: 443 }], icmpTypes: null, peer: { cidrs: null, addresses: ['10.0.0.5'] } }] }
const message = (set: NetworkObject[], complete: boolean): NetworkMessage => ({ kind: 'networkObjects', networkId: 'network-1', complete, set, remove: [] })

/** From nothing to two pods, by way of all that may change. */
async function program(hosts: HostNetwork): Promise<void> {
  await hosts.applyObjects('network-1', message([base(), service(1, '10.0.0.5')], true))
  await hosts.attach(a)
  await hosts.attach(b)
  await hosts.attach(c)
  // As its pods would: taps of which nobody holds the other end carry nothing.
  for (const [from, to] of [['10.0.0.6', '10.0.0.7'], ['10.0.0.7', '10.0.0.5'], ['fd00::7', 'fd00::6']]) await lab.in(namespaceName(lab.hostTag, 1), 'conntrack', '-I', '-p', 'udp', '-t', '1000', '-s', from!, '-d', to!, '--sport', '1000', '--dport', '80')
  await hosts.applyObjects('network-1', message([base({ outbound: 'nat' }), service(1, '10.0.0.6'), service(2, '10.0.0.5'), policy], false))
  await hosts.detach(c.pod.uid)
}
const wanted = message([base({ outbound: 'nat' }), service(1, '10.0.0.6'), service(2, '10.0.0.5'), policy], true)

const state = async () => ({
  namespaces: (await lab.traces()).namespaces,
  connections: (await Promise.all(['ipv4', 'ipv6'].map(async (family) => (await lab.in(namespaceName(lab.hostTag, 1), 'conntrack', '-L', '-f', family)).stdout))).join('').split('\n').map((line) => line.replace(/ \d+ src=/, ' src=')).sort(),
  inside: await wholeNamespace(namespaceName(lab.hostTag, 1)),
  host: [...await ruleset(lab.host, 'inet', uplinkTable(lab.hostTag)), ...(await lab.traces()).routes.sort(), ...(await lab.in(lab.host, 'ip', 'neigh', 'show', 'nud', 'permanent')).stdout.split('\n')],
})

it('an agent that is killed at any step of its work leaves nothing that the next one does not bring to the same end', async () => {
  const before = await lab.traces()
  const undisturbed = lab.hostNetwork({ deviceKind: 'tap' })
  await program(undisturbed)
  const end = await state()
  expect(await undisturbed.reconcile([a, b])).toEqual({ repairs: [], lostTaps: [] })
  expect(await state()).toEqual(end)
  await undisturbed.close()
  // Each step with HYPERNETES_FUZZ_RUNS=2 or more; else every third, another third each time.
  const stride = fuzzRuns(1) > 1 ? 1 : 3
  let step = Math.floor(Math.random() * stride)
  for (let over = false; !over; step += stride) {
    // Commands side by side may be cut either way; in turn, both are met.
    const { run: cut, dead, arm } = killedRun(step, Math.floor(step / stride) % 2 === 0 ? 'before' : 'after')
    arm()
    over = await Promise.race([program(lab.hostNetwork({ deviceKind: 'tap', run: cut })).then(() => true), dead.then(() => false)])
    // What was on its way when it died.
    await commandsEnded()
    const next = lab.hostNetwork({ deviceKind: 'tap' })
    await next.applyObjects('network-1', wanted)
    await next.reconcile([a, b])
    expect(await state(), `killed at step ${step}`).toEqual(end)
    await next.close()
    expect(await lab.traces()).toEqual(before)
  }
  expect(step).toBeGreaterThan(15)
}, 180_000)
