import { afterAll, beforeAll, expect, it } from 'vitest'
import { sampleReference } from '@/host/images/sample/sample-image'
import { Fleet } from './fleet'
import type { Machine, Machines } from './machines'

const names = ['a', 'b', 'c']
/** Seconds in which what answers does so, however busy the machine is. */
const patience = 20
/** Each waits for many things, one after another, and each of them may take a busy machine its time. */
const slow = { timeout: 600_000 }

let fleet: Fleet
let test: Fleet['test']
let ann: Fleet['ann']
let machines: Machines
let tenant = ''

beforeAll(async () => {
  fleet = await Fleet.start(names)
  ;({ test, ann, machines, tenant } = fleet)
}, 300_000)
afterAll(() => fleet?.stop(), Infinity)

const isReady = (host: string) => fleet.isReady(host)
const pod = (name: string) => ann.caller.pod.get({ tenant, name })
const podIsReady = async (name: string) => (await pod(name)).status.conditions.some(({ type, status }) => type === 'Ready' && status === 'True')

const until = (what: string, condition: () => Promise<boolean>) => fleet.until(what, condition)
const machineOf = (name: string): Machine => fleet.machineOf(name)

type Place = { host: string; address: string }
/** Where what has an address is: a balancer's or a pod's, by its row. */
async function placeOf(what: { loadBalancerUid: string } | { name: string }): Promise<Place | null> {
  const held = await test.db.floatingAddress.findFirst({ where: what })
  const host = held && (await test.db.host.findMany()).find(({ id }) => id === held.hostId)
  const [text] = await test.db.$queryRaw<{ address: string }[]>`select host("address") as "address" from "FloatingAddress" where "uid" = ${held?.uid}::uuid`
  return host && text ? { host: host.name, address: text.address } : null
}
const balancerPlace = async (service: string) => placeOf({ loadBalancerUid: (await test.db.loadBalancer.findFirstOrThrow({ where: { name: service } })).uid })
const conditionOf = async (service: string) => (await ann.caller.service.get({ tenant, name: service })).status.conditions.find(({ type }) => type === 'LoadBalancer')

/** A web page that says its host, as a pod there. */
async function createPod(host: string): Promise<void> {
  await test.db.host.updateMany({ data: { unschedulable: true } })
  await test.db.host.update({ where: { name: host }, data: { unschedulable: false } })
  const command = ['sh', '-c', `mkdir -p /tmp/www && echo on ${host} > /tmp/www/index.html && exec httpd -f -p 8080 -h /tmp/www`]
  await ann.caller.pod.create({ tenant, name: `web-${host}`, labels: { app: 'web' }, spec: { containers: [{ name: 'web', image: sampleReference, command, ports: [{ name: 'http', containerPort: 8080 }], readinessProbe: { tcpSocket: { port: 'http' }, periodSeconds: 1 } }] } })
  await until(`the pod of host ${host} is bound`, async () => (await pod(`web-${host}`)).status.hostName === host)
}

/** What has an address: `url` is answered with `on HOST`. `asked` says who answered for the address, one after another. */
type Answering = Place & { url: string; asked: () => string[] }
const places = new Map<string, Answering>()
const theOther = (): Machine => {
  const taken = ['one', 'two'].map((name) => places.get(name)?.host)
  return machineOf(names.find((name) => !taken.includes(name)) ?? '')
}
const place = (name: string): Answering => {
  const found = places.get(name)
  if (!found) throw new Error(`nothing has the address "${name}"`)
  return found
}

it('balancers and pods of several hosts answer in one segment of the outside, each by its own host', slow, async () => {
  await Promise.all(names.map((name) => until(`host ${name} is ready`, () => isReady(name))))
  for (const name of names) await createPod(name)
  await test.db.host.updateMany({ data: { unschedulable: false } })
  for (const name of names) await until(`the pod of host ${name} is ready`, () => podIsReady(`web-${name}`))
  for (const name of ['one', 'two']) await ann.caller.service.create({ tenant, name, spec: { type: 'LoadBalancer', selector: { app: 'web' }, ports: [{ port: 80, targetPort: 8080 }] } })
  for (const name of ['one', 'two']) {
    await until(`the balancer of ${name} answers`, async () => (await conditionOf(name))?.status === 'True')
    const at = await balancerPlace(name)
    if (!at) throw new Error(`the balancer of ${name} has no address`)
    places.set(name, { ...at, url: `http://${at.address}/`, asked: machines.watch(at.address) })
    // Of the three pods of its service it reaches the one on its own host, and says so.
    for (let i = 0; i < 3; i += 1) expect(await machines.get(`http://${at.address}/`, patience)).toBe(`on ${at.host} 200`)
    expect(await conditionOf(name)).toMatchObject({ reason: 'Partly', message: expect.stringContaining(`It runs on host "${at.host}", and pods of its network on host`) })
  }
  expect(place('one').host).not.toBe(place('two').host)
  for (const name of ['one', 'two']) {
    const { host } = place(name)
    await ann.caller.floatingAddress.create({ tenant, name: `pod-${name}`, spec: { target: { kind: 'Pod', namespace: 'default', name: `web-${host}` } } })
    await until(`the address of the pod on ${host} is there`, async () => (await placeOf({ name: `pod-${name}` }))?.host === host)
    const at = await placeOf({ name: `pod-${name}` })
    if (!at) throw new Error('no address')
    const url = `http://${at.address}:8080/`
    await until(`the pod on ${host} answers`, async () => (await machines.get(url)) === `on ${host} 200`)
    places.set(`pod-${name}`, { ...at, url, asked: machines.watch(at.address) })
  }
  for (const [name, { address, asked }] of places) {
    await until(`the segment was asked for ${name}`, async () => asked().length > 0)
    expect(asked()).toEqual([await machines.neighbour(address)])
  }
})

it('what a host answered for is taken over once its machine is gone, or its agent is and its time is over: never do two answer', slow, async () => {
  const [one, two, left] = [place('one'), place('two'), theOther()]
  const before = new Map([...places].map(([name, { asked }]) => [name, asked()[0]]))
  await Promise.all([machineOf(one.host).switchOff(), machineOf(two.host).killAgent()])
  const from = performance.now()
  const tell = (what: string) => console.log(`  ${what}: ${((performance.now() - from) / 1000).toFixed(1)} s after its host`)
  // The agent's HAProxy and VM run on, and answer until their time is over: asked before anything else takes of it.
  expect(await machines.get(two.url, patience)).toBe(`on ${two.host} 200`)
  // The tenant wants the address of the pod that is gone at the one that is left; that of the other stays with its pod.
  await ann.caller.floatingAddress.update({ tenant, name: 'pod-one', target: { kind: 'Pod', namespace: 'default', name: `web-${left.name}` } })
  await Promise.all(['one', 'two', 'pod-one'].map(async (name) => {
    const { address, url } = place(name)
    // The client's kernel asks nobody meanwhile: it is told of the move.
    if (name !== 'two') await until(`the client was told who has ${address}`, async () => ![null, before.get(name)].includes(await machines.neighbour(address)))
    await until(`${name} answers on host ${left.name}`, async () => (await machines.get(url)) === `on ${left.name} 200`)
    tell(name)
  }))
  expect(Number(await machineOf(two.host).in('pgrep', '-c', '-x', 'haproxy'))).toBeGreaterThan(0)
  await until('the pod without an agent is silent', async () => (await machines.answering(place('pod-two').address)).length === 0)
  expect(await machines.get(place('pod-two').url, 1)).toBe(' 000')
  for (const name of ['one', 'two', 'pod-one']) {
    const { address, asked } = place(name)
    const now = await machines.neighbour(address)
    expect(now).not.toBe(before.get(name))
    expect(await machines.answering(address)).toEqual([now])
    // It is asked once a second. One after the other, and never the first again.
    await until(`the segment was asked for ${name} anew`, () => Promise.resolve(asked().length > 1))
    expect(asked()).toEqual([before.get(name), now])
  }
})

it('a host that comes back lets go of what is not its own any more, and answers for what is', slow, async () => {
  const [one, two, left] = [place('one'), place('two'), theOther()]
  const back = [machineOf(one.host), machineOf(two.host)]
  const before = new Map([...places].map(([name, { asked }]) => [name, asked()]))
  await machineOf(one.host).switchOn()
  for (const machine of back) machine.startAgent()
  await Promise.all(back.map(({ name }) => until(`host ${name} is ready again`, () => isReady(name))))
  // Its VM ran on without its agent.
  await until('the pod answers by its own address again', async () => (await machines.get(place('pod-two').url)) === `on ${two.host} 200`)
  for (const machine of back) await until(`host ${machine.name} has no balancer`, async () => !/hypb-|haproxy/.test(await machine.in('sh', '-c', 'ip netns list; ps -eo comm')))
  for (const name of ['one', 'two', 'pod-one']) {
    expect(await machines.get(place(name).url, patience)).toBe(`on ${left.name} 200`)
    expect(place(name).asked()).toEqual(before.get(name))
  }
  expect(new Set(place('pod-two').asked())).toEqual(new Set(before.get('pod-two')))
})
