import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import type { Assignment } from '@/contracts/host/v1'
import { run } from '@/platform/exec'
import { FaultHost } from './testing/fault-host'
import type { Fault } from './testing/faults'

let host: FaultHost
let neighbour: Assignment
beforeAll(async () => {
  host = await FaultHost.open()
  neighbour = host.pod()
  host.pods.apply([neighbour])
  await host.until(() => host.isReady(neighbour))
  await host.untilTemplatesMade()
})
// A test that fails leaves its pods to no other.
afterEach(neighbourAlone)
afterAll(() => host.close())

/** In the order of a start, so that each try comes as far as the next fault. */
const faults = ['image', 'tap', 'disks', 'template', 'rules', 'vm', 'hello', 'setup'].flatMap((step): Fault[] => [{ step, when: 'before' }, { step, when: 'after' }])
/** What the tenant reads of it. */
const told: Readonly<Record<string, RegExp>> = { image: /images/, tap: /network/, disks: /disk/, template: /virtual machine/, rules: /virtual machine|network/, vm: /virtual machine/, hello: /agent/, setup: /agent/ }

describe('each step of a start on a real host that fails once', () => {
  it('is undone beside a pod that runs on, told with cause and what follows, and passed by the next try', async () => {
    const [neighboursVm] = await host.vmsOf(neighbour)
    const pod = host.pod()
    // What the worker of a pod has on the host while nothing of the pod runs: its entry in the ledger.
    const before = [...(await host.census()), `${host.folder}/ledger/${pod.uid}.json`]
    for (const [i, fault] of faults.entries()) {
      host.faults.plan(fault)
      if (i === 0) host.pods.apply([neighbour, pod])
      else host.clock.skip()
      await host.until(() => host.eventsOf(pod, 'StartFailed').length === i + 1)
      expect(host.report(pod), JSON.stringify(fault)).toMatchObject({ phase: 'Starting', message: expect.stringMatching(/tried again in \d+ s\. .*operator finds the cause in the host's log/), containers: [{ state: 'Waiting' }] })
      expect(host.report(pod)?.message, JSON.stringify(fault)).toMatch(told[fault.step] ?? /never/)
      expect(host.report(pod)?.conditions).toContainEqual(expect.objectContaining({ type: 'VMReady', status: 'False', reason: 'StartFailed' }))
      expect(host.events.at(-1), JSON.stringify(fault)).toMatchObject({ podUid: pod.uid, type: 'Warning', reason: 'StartFailed', message: host.report(pod)?.message })
      await host.untilAsBefore(before)
    }
    host.clock.skip()
    await host.until(() => host.isReady(pod))
    expect(host.report(pod)?.containers[0]).toMatchObject({ restartCount: 0 })
    expect(await host.vmsOf(pod)).toHaveLength(1)
    expect(await host.vmsOf(neighbour)).toEqual([neighboursVm])
    await neighbourAlone()
    await host.untilAsBefore(before.slice(0, -1))
  })

  it.each(['before', 'after'] as const)('%s a container costs the VM that it was to run in, and no more', async (when) => {
    const before = await host.census()
    const pod = host.pod()
    host.faults.plan({ step: 'container', when })
    host.pods.apply([neighbour, pod])
    await host.until(() => host.eventsOf(pod, 'VMFailed').length === 1 && host.isReady(pod))
    expect(await host.vmsOf(pod)).toHaveLength(1)
    await neighbourAlone()
    await host.untilAsBefore(before)
  })
})

describe('the resolver of a network that cannot be brought up', () => {
  it('costs its pods nothing but names, is told to them, and comes by itself', async () => {
    const before = await host.census()
    const pod = host.pod()
    Object.assign(pod.network, { id: randomUUID(), number: 79, domain: 'cluster.local' })
    const { id, number, gateway, cidr } = pod.network
    const dns = join(host.folder, 'dns')
    await run('mount', ['--bind', dns, dns])
    await run('mount', ['-o', 'remount,bind,ro', dns])
    try {
      host.networks.take({ kind: 'networkObjects', networkId: id, complete: true, remove: [], set: [{ kind: 'network', number, name: 'n', tenantId: pod.tenantId, subnets: [{ name: 'a', cidr, gateway }], serviceCidrs: [], routes: [], outbound: 'none', mtu: 1450, dns: { domain: 'cluster.local', upstream: false, nameservers: [] } }] })
      host.pods.apply([neighbour, pod])
      await host.until(() => host.isReady(pod) && host.eventsOf(pod, 'ResolverFailed').length === 1)
      expect(host.eventsOf(pod, 'ResolverFailed')).toMatchObject([{ type: 'Warning', message: expect.stringMatching(/names may not be found.*tries again by itself; the operator finds the cause in the host's log/) }])
    } finally {
      // Whoever tries again has a file open there at times.
      await run('umount', ['--lazy', dns])
    }
    await host.until(() => host.eventsOf(pod, 'ResolverReady').length === 1)
    expect(host.eventsOf(neighbour, 'ResolverFailed')).toEqual([])
    expect((await host.census()).filter((line) => line === 'dnsmasq in a jail').length).toBe(before.filter((line) => line === 'dnsmasq in a jail').length + 1)
    expect(host.report(pod)?.containers[0]).toMatchObject({ restartCount: 0 })
    await neighbourAlone()
    host.networks.keep([neighbour], [])
    await host.untilAsBefore(before)
  })
})

describe('kill -9 of a QEMU', () => {
  it('starts the pod again by its restart policy, once, with the cause in its events', async () => {
    const before = await host.census()
    const [always, onFailure, never] = [host.pod(), host.pod({ restartPolicy: 'OnFailure' }), host.pod({ restartPolicy: 'Never' })]
    const all = [always, onFailure, never]
    host.pods.apply([neighbour, ...all])
    await host.until(() => all.every((pod) => host.isReady(pod)))
    const killed = (await Promise.all(all.map((pod) => host.vmsOf(pod)))).flat()
    expect(killed).toHaveLength(3)
    for (const pid of killed) process.kill(pid, 'SIGKILL')
    await host.until(() => host.report(never)?.phase === 'Failed' && [always, onFailure].every((pod) => host.isReady(pod) && host.report(pod)?.containers[0]?.restartCount === 1))
    expect(host.report(never)).toMatchObject({ reason: 'VMFailed', containers: [{ state: 'Terminated', exitCode: 137, restartCount: 0, message: expect.stringContaining('The virtual machine ended under container "web": QEMU was killed by SIGKILL') }] })
    for (const pod of all) expect(host.eventsOf(pod, 'VMFailed').map((event) => event.message)).toEqual(["The pod's virtual machine ended: QEMU was killed by SIGKILL."])
    const running = await Promise.all(all.map((pod) => host.vmsOf(pod)))
    expect(running.map((pids) => pids.length)).toEqual([1, 1, 0])
    for (const pid of running.flat()) expect(killed).not.toContain(pid)
    await neighbourAlone()
    await host.untilAsBefore(before)
  })
})

describe('an agent that starts again', () => {
  it('ends what its ledger knows nothing of, or cannot read, and starts it once, tells why, and touches no process that took over a number', async () => {
    const before = await host.census()
    const [halfWritten, lost, unnamed, reused] = [host.pod(), host.pod(), host.pod(), host.pod()]
    const all = [halfWritten, lost, unnamed, reused]
    host.pods.apply([neighbour, ...all])
    await host.until(() => all.every((pod) => host.isReady(pod)))
    const vms = (await Promise.all([neighbour, ...all].map((pod) => host.vmsOf(pod)))).flat()
    // Another program gets the number of a VM that has ended.
    const entry = async (pod: Assignment) => z.looseObject({ vm: z.looseObject({ process: z.looseObject({ startTicks: z.string() }) }) }).parse(JSON.parse(await readFile(entryOf(pod), 'utf8')))
    const { vm } = await entry(reused)
    const stranger = spawn('sleep', ['600'], { uid: 65_534, gid: 65_534, stdio: 'ignore' })
    await host.leave()
    try {
      await writeFile(entryOf(halfWritten), (await readFile(entryOf(halfWritten))).subarray(0, 300))
      await rm(entryOf(lost))
      await writeFile(entryOf(unnamed), JSON.stringify({ ...(await entry(unnamed)), vm: null }))
      await writeFile(entryOf(reused), JSON.stringify({ ...(await entry(reused)), vm: { ...vm, process: { ...vm.process, pid: stranger.pid } } }))
      await host.begin()
      host.pods.apply([neighbour, ...all])
      await host.until(() => host.isReady(neighbour) && all.every((pod) => host.isReady(pod)))
      const now = await Promise.all([neighbour, ...all].map((pod) => host.vmsOf(pod)))
      expect(now.map((pids) => pids.length)).toEqual([1, 1, 1, 1, 1])
      expect(now[0]).toEqual([vms[0]])
      for (const pid of now.slice(1).flat()) expect(vms).not.toContain(pid)
      expect(stranger.exitCode ?? stranger.signalCode).toBeNull()
      expect(host.eventsOf(halfWritten, 'HostForgotPod').map((e) => e.message)).toEqual([expect.stringMatching(/^What the pod's host had written down of it cannot be read: it is damaged\. .* starts anew/)])
      expect(host.eventsOf(lost, 'HostForgotPod').map((e) => e.message)).toEqual([expect.stringContaining('nothing written down of its virtual machine')])
      for (const pod of [unnamed, reused]) expect(host.eventsOf(pod, 'VMFailed')).toHaveLength(1)
      expect([unnamed, reused].map((pod) => host.report(pod)?.containers[0]?.restartCount)).toEqual([1, 1])
    } finally {
      stranger.kill('SIGKILL')
    }
    await neighbourAlone()
    await host.untilAsBefore(before, 'lasting')
  })
})

const entryOf = (pod: Assignment) => join(host.folder, 'ledger', `${pod.uid}.json`)

/** Only the neighbour is wanted from now on; resolves when the host knows nothing of others. */
async function neighbourAlone(): Promise<void> {
  host.pods.apply([neighbour])
  await host.until(() => host.pods.reports().every(({ uid, phase }) => uid === neighbour.uid || phase === 'Gone'))
  host.pods.apply([neighbour])
}
