import { afterAll, beforeAll, expect, it } from 'vitest'
import { pino } from 'pino'
import type { HostAddressPool, HostFloatingAddress } from '@/contracts/host/v1/external'
import { run } from '@/platform/exec'
import type { Attachment } from '@/host/network/attachment'
import type { HostNetwork } from '@/host/network/host-network'
import type { Run } from '@/host/network/kernel'
import { namespaceName } from '@/host/network/names'
import { ruleset, wholeNamespace } from '@/host/network/testing/kernel-snapshot'
import { commandsEnded, killedRun } from '@/host/network/testing/killed-run'
import { Lab, network, pod } from '@/host/network/testing/lab'
import { bindings, FloatingAddresses } from './floating-addresses'
import { bridgeName, externalTable, portName } from './names'

let lab: Lab
beforeAll(async () => {
  lab = await Lab.create()
})
afterAll(async () => {
  await lab?.destroy()
})

const uid = (last: number) => `00000000-0000-4000-8000-0000000000${last.toString(16).padStart(2, '0')}`
const POOL: HostAddressPool = { kind: 'addressPool', uid: uid(240), name: 'default', cidr: '198.18.100.0/24', gateway: '198.18.100.1' }
const place = (number: number, last: number): Attachment => ({ network: network(number, { id: uid(200 + number) }), pod: pod(`p${number}-${last}`, last) })
const [a, b, c] = [place(1, 5), place(1, 6), place(2, 5)]
const address = (last: number, to: Attachment): HostFloatingAddress => ({ kind: 'floatingAddress', uid: uid(last), address: `198.18.100.${last}`, networkId: to.network.id, podUid: to.pod.uid, podAddress: to.pod.address })
const wanted = [address(10, b), address(12, a)]

/** From no address to two, by way of all that may change: one comes, one moves within its network, one from another, one goes. */
async function program(hosts: HostNetwork): Promise<void> {
  const floating = new FloatingAddresses({ network: hosts, log: pino({ level: 'silent' }), onReport: () => {} })
  for (const addresses of [[address(10, a), address(12, c)], [address(10, b), address(11, b), address(12, c)], wanted]) {
    floating.apply([POOL], addresses)
    await floating.settled()
  }
}

const state = async () => ({
  inside: await Promise.all([1, 2].map(async (number) => [...(await wholeNamespace(namespaceName(lab.hostTag, number))).filter((line) => !/"ifname":"(lo"|pod)/.test(line)), (await lab.in(namespaceName(lab.hostTag, number), 'ip', 'rule')).stdout.split('\n').sort()])),
  host: [...await ruleset(lab.host, 'inet', externalTable(lab.hostTag)), ...await ruleset(lab.host, 'bridge', externalTable(lab.hostTag)), ...(await lab.traces()).routes.sort(), ...(await lab.in(lab.host, 'ip', 'neigh', 'show', 'nud', 'permanent')).stdout.split('\n').sort(), ...(await lab.traces()).links.map((name) => name.replace(/@.*/, '')).sort(),
    ...(await lab.in(lab.host, 'bridge', 'fdb', 'show', 'br', bridgeName(lab.hostTag))).stdout.split('\n').filter((line) => line.includes('static')).sort()],
})

it('an agent that is killed at any step of its work leaves nothing that the next one does not bring to the same end', async () => {
  const before = await lab.traces()
  const undisturbed = lab.hostNetwork()
  for (const one of [a, b, c]) await undisturbed.attach(one)
  await program(undisturbed)
  const end = await state()
  expect(end.host.join('\n')).toContain('198.18.100.12')
  await undisturbed.close()
  expect(await lab.traces()).toEqual(before)
  let steps = 0
  // Every eleventh command; HYPERNETES_KILL_STRIDE=1 tries each.
  const stride = Number(process.env.HYPERNETES_KILL_STRIDE ?? 11)
  for (let over = false; !over; steps += stride) {
    const { run: cut, dead, arm } = killedRun(steps, (steps / stride) % 2 === 0 ? 'before' : 'after')
    const first = lab.hostNetwork({ run: cut })
    for (const one of [a, b, c]) await first.attach(one)
    arm()
    over = await Promise.race([program(first).then(() => true), dead.then(() => false)])
    await commandsEnded()
    const next = lab.hostNetwork()
    await next.external.setPools([POOL])
    next.floating.know(bindings(wanted))
    await next.reconcile([a, b, c])
    expect(await state(), `killed at step ${steps}`).toEqual(end)
    await next.close()
    expect(await lab.traces()).toEqual(before)
  }
  expect(steps).toBeGreaterThan(30)
})

it('a command that fails leaves what was, says so, and the next look completes it', async () => {
  const before = await lab.traces()
  let failAt = Infinity
  let calls = 0
  const failing: Run = async (...args) => {
    if (calls++ === failAt) throw new Error('failed on purpose')
    return run(...args)
  }
  const hosts = lab.hostNetwork({ run: failing })
  for (const one of [a, b]) await hosts.attach(one)
  const floating = new FloatingAddresses({ network: hosts, log: pino({ level: 'silent' }), onReport: () => {} })
  const give = async (...addresses: HostFloatingAddress[]) => {
    floating.apply([POOL], addresses)
    await floating.settled()
    return floating.reports().filter(({ phase }) => phase !== 'Gone').map(({ phase }) => phase)
  }
  const [from, to] = [[address(10, a)], [address(10, b), address(12, a)]]
  for (let at = 0; ; at += 4) {
    failAt = Infinity
    expect(await give(...from)).toEqual(['Active'])
    calls = 0
    failAt = at
    const phases = await give(...to)
    const isOver = calls <= at
    failAt = Infinity
    if (phases.includes('Failed')) expect(floating.reports().find(({ phase }) => phase === 'Failed')?.message).toContain('failed on purpose')
    await hosts.mend()
    expect(floating.reports().filter(({ phase }) => phase !== 'Gone').map(({ phase }) => phase), `failed at ${at}`).toEqual(['Active', 'Active'])
    expect((await ruleset(lab.host, 'bridge', externalTable(lab.hostTag))).join(), `failed at ${at}`).toContain('198.18.100.12')
    expect((await lab.in(namespaceName(lab.hostTag, 1), 'nft', 'list', 'map', 'inet', 'hypernetes', 'floating_to4')).stdout.replace(/\s+/g, ' '), `failed at ${at}`).toContain('198.18.100.10 : 10.0.0.6, 198.18.100.12 : 10.0.0.5')
    if (isOver) break
  }
  expect(await give()).toEqual([])
  await hosts.close()
  expect(await lab.traces()).toEqual(before)
})

it('an agent that cannot even read what is here at its start removes what the last one left in a later look', async () => {
  const before = await lab.traces()
  let works = false
  const failing: Run = async (...args) => {
    if (!works && args[1]?.includes('address') && args[1].includes('show')) throw new Error('failed on purpose')
    return run(...args)
  }
  // A link that an agent made and was killed before it wrote that down.
  const stray = portName(lab.hostTag, namespaceName(lab.hostTag, 7))
  await lab.ip(lab.host, [`link add ${stray} type veth peer name left-of-it`])
  const hosts = lab.hostNetwork({ run: failing })
  await expect(hosts.external.reconcile()).rejects.toThrow('failed on purpose')
  expect((await lab.traces()).links.join()).toContain(stray)
  works = true
  expect((await hosts.mend()).repairs).toContain(`link ${stray} removed`)
  expect((await hosts.mend()).repairs).toEqual([])
  expect(await lab.traces()).toEqual(before)
})
