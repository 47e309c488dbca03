import { afterAll, beforeAll, expect, it } from 'vitest'
import type { ExternalObject } from '@/contracts/host/v1/external'
import { ExternalLab, networkId, type Agent } from '@/host/balancers/testing/external-lab'
import { uptimeMs } from '@/host/balancers/server-lease'

let lab: ExternalLab
let agent: Agent

beforeAll(async () => {
  lab = await ExternalLab.create()
  agent = await lab.agent()
  await lab.web(agent, 2, 'web')
})
afterAll(() => lab?.destroy())

it('what pods’ addresses are guarded by stays while one is answered for, and goes with an agent whose pods ended', async () => {
  const [{ pod }] = lab.pods as [(typeof lab.pods)[number]]
  const address: ExternalObject = { kind: 'floatingAddress', uid: '00000000-0000-4000-8000-0000000000a1', address: '198.18.100.10', networkId, podUid: pod.uid, podAddress: pod.address, until: 3600 }
  const isGuarded = async () => (await lab.traces()).join().includes('_lease_')
  const begin = async () => {
    agent.outside.heard(uptimeMs())
    lab.tell(agent, address)
    await expect.poll(() => agent.outside.external.report(`floatingAddress/${address.uid}`)?.phase, { timeout: 30_000 }).toBe('Active')
    expect(await isGuarded()).toBe(true)
  }
  await begin()
  await agent.outside.leave()
  await agent.outside.close()
  expect(await isGuarded()).toBe(true)
  agent = await lab.agent()
  await begin()
  await agent.outside.suspend(1_000)
  await agent.network.detach(pod.uid)
  await agent.outside.close()
  expect(await isGuarded()).toBe(false)
})
