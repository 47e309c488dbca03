import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { OUTSIDE } from '../testing/lab'
import { sendFrames } from '../testing/send-frames'
import { framesOf, type Forged } from './testing/forged'
import { attemptKey, drawnAttempts, drawnPolicies, SEED, USUAL_SEED } from './testing/generate'
import { expected, type Attempt, type TenantSide } from './testing/oracle'
import { isolationPage, type ForgedRow, type Row } from './testing/page'
import type { Speaker } from './testing/speaker'
import { addressesOf, policy, rule, service, v4, v6, World, type WorldNetwork, type WorldPod } from './testing/world'

const page = join(import.meta.dirname, '../../../docs/isolation.md')
const [one, two] = ['1', '2'].map((digit) => digit.repeat(32)) as [string, string]
const front: WorldNetwork = { name: 'front', tenant: one, number: 1, block: 0, peers: [2] }
const back: WorldNetwork = { name: 'back', tenant: one, number: 2, block: 1, peers: [1] }
/** Of another tenant, with the addresses of `front`. */
const other: WorldNetwork = { name: 'other', tenant: two, number: 3, block: 0 }
const podsOf = (network: WorldNetwork, prefix: string, lasts: readonly number[]): WorldPod[] => lasts.map((last) => ({ name: `${prefix}${last}`, network, last }))
const frontPods = podsOf(front, 'front-', [4, 5, 6, 7, 8, 9])
const backPods = podsOf(back, 'back-', [4, 5, 6])
// Some have an address that front has too, one has not.
const otherPods = podsOf(other, 'other-', [4, 5, 6, 7, 20])

/** Beside the drawn ones: pods that nobody reaches or that reach nobody. */
const closed = policy('closed', [frontPods[4]!], [], { directions: ['ingress'] })
const silent = policy('silent', [frontPods[5]!], [rule({ direction: 'egress', protocol: 'udp', ports: [{ first: 53, last: 53 }] })], { directions: ['egress'] })
const drawn = (network: WorldNetwork, pods: readonly WorldPod[], names: readonly string[], around: readonly WorldPod[]) => drawnPolicies({ network, pods }, names, around)
const sides: TenantSide[] = [
  { network: front, pods: frontPods, policies: [...drawn(front, frontPods.slice(0, 4), ['web', 'db', 'ops'], [...frontPods, ...backPods]), closed, silent], services: [service('shop', ['10.96.0.10', 'fd96::10'], [frontPods[3]!]), service('shut', ['10.96.0.11', 'fd96::11'], [frontPods[4]!])] },
  { network: back, pods: backPods, policies: drawn(back, backPods.slice(0, 2), ['store'], [...frontPods, ...backPods]), services: [] },
  { network: other, pods: otherPods, policies: drawn(other, otherPods.slice(0, 4), ['apps', 'jobs'], otherPods), services: [] },
]

const toServices = [...frontPods.slice(2), backPods[2]!, otherPods[4]!].flatMap((from, at) => (['10.96.0.10', 'fd96::10', '10.96.0.11', 'fd96::11'] as const).map((address): Attempt => ({ from, address, protocol: at % 2 ? 'udp' : 'tcp', number: 80 })))
const acrossTenants = frontPods.slice(0, 3).flatMap((from) => addressesOf(otherPods[4]!).map((address): Attempt => ({ from, address, protocol: 'tcp', number: 80 })))
const attempts = [...drawnAttempts(sides, 160), ...toServices, ...acrossTenants]
const expectations = attempts.map((attempt) => expected(sides, attempt))

let world: World
let rows: Row[]
let forgedRows: ForgedRow[]
const all = () => [...world.speakers.values()]

/** Sends attempts, those that should not pass first, and waits until all the others are answered: then what was stopped would have come too. */
async function tried(which: readonly number[], firstId: number): Promise<Map<number, string | null>> {
  const passing = which.filter((at) => expectations[at]?.by !== null)
  const stopped = which.filter((at) => expectations[at]?.by === null)
  for (const part of [stopped, passing]) {
    await Promise.all([...new Set(part.map((at) => attempts[at]!.from))].map((from) => world.speaker(from.name).send(part.filter((at) => attempts[at]!.from === from).map((at) => ({ id: firstId + at, ...attempts[at]! })))))
  }
  // What is missing after that shows in the rows.
  await Promise.all(passing.map((at) => world.speaker(attempts[at]!.from.name).until(() => world.speaker(attempts[at]!.from.name).heard.answers.has(firstId + at)).catch(() => undefined)))
  await Promise.all(all().map((speaker) => speaker.sync()))
  return new Map(which.map((at) => [at, byWhom(firstId + at, attempts[at]!)]))
}

/** TCP and UDP: whose name came back; ICMP: who saw the request, if it was answered. Where there is no answer, who saw it at all. */
function byWhom(id: number, { from, protocol }: Attempt): string | null {
  const saw = all().filter((speaker) => speaker.seen.has(id)).map(({ name }) => name)
  const answers = world.speaker(from.name).heard.answers.get(id)
  if (!answers) return saw.length > 0 ? `${saw.join(', ')}, whose answer was lost` : null
  return protocol === 'icmp' ? saw.join(', ') : [...new Set(answers)].join(', ')
}

async function sendForged(frames: readonly Forged[], from: WorldPod): Promise<void> {
  for (const { frames: first, then } of frames) {
    await sendFrames(world.namespaces.get(from.name)!, first)
    if (then) await sendFrames(world.namespaces.get(then.by.name)!, then.frames)
  }
}

beforeAll(async () => {
  world = await World.open([front, back, other], [...frontPods, ...backPods, ...otherPods], (network) => {
    const side = sides.find((each) => each.network === network)
    return [...side?.policies ?? [], ...side?.services ?? []]
  })
  const results = await tried(attempts.map((_, at) => at), 1000)
  rows = attempts.map((attempt, at) => ({ attempt, expected: expectations[at]!, by: results.get(at) ?? null }))
  forgedRows = await forgeries()
})

afterAll(() => world?.close())

/** In each network a pod that says it is a neighbour, which may send to the target as it may itself: what stops its frames is their sender alone. */
async function forgeries(): Promise<ForgedRow[]> {
  const made = sides.flatMap(({ network, pods }, at) => {
    const near = network === other ? otherPods : [...frontPods, ...backPods]
    const mayAsk = (from: WorldPod, to: WorldPod) => from !== to && addressesOf(to).every((address) => expected(sides, { from, address, protocol: 'udp', number: 80 }).by === to.name)
    const [found] = pods.flatMap((attacker) => pods.flatMap((victim) => near.filter((target) => attacker !== victim && mayAsk(attacker, target) && mayAsk(victim, target)).map((target) => ({ attacker, victim, target }))))
    if (!found) return []
    const stranger = (network === back ? frontPods : backPods).find((pod) => pod !== found.target)!
    return [{ ...found, ...framesOf(found.attacker, found.victim, found.target, stranger, 80, 50_000 + at * 100) }]
  })
  for (const { attacker, target, honest, forged } of made) {
    await sendForged(forged, attacker)
    // The honest ones come last: all before them was dealt with.
    await sendForged(honest, attacker)
    await world.speaker(target.name).until(() => honest.every(({ id }) => world.speaker(target.name).seen.has(id)))
  }
  await Promise.all(all().map((speaker: Speaker) => speaker.sync()))
  return made.flatMap(({ forged }) => forged.map(({ what, id }) => ({ what, by: all().filter((speaker) => speaker.seen.has(id)).map(({ name }) => name).join(', ') || null })))
}

it(`packets do what the rules say, and no more (seed ${SEED})`, () => {
  expect(rows.filter((row) => row.by !== row.expected.by).map(({ attempt, expected: { by: should, why }, by }) => `${attemptKey(attempt)}: ${by ?? 'nobody'} instead of ${should ?? 'nobody'} (${why})`)).toEqual([])
})

it('at least fifty pairs of ends, allowed and forbidden, of both families and of each protocol', () => {
  const pairs = new Set(rows.map(({ attempt: { from, address } }) => `${from.name} ${address}`))
  expect(pairs.size).toBeGreaterThanOrEqual(50)
  for (const protocol of ['tcp', 'udp', 'icmp']) {
    for (const six of [false, true]) {
      const these = rows.filter(({ attempt }) => attempt.protocol === protocol && attempt.address.includes(':') === six)
      const passing = these.filter((row) => row.expected.by !== null).length
      expect([`${protocol} over IPv${six ? 6 : 4}`, passing >= 4, these.length - passing >= 4]).toEqual([`${protocol} over IPv${six ? 6 : 4}`, true, true])
    }
  }
  const whys = rows.map(({ expected: { why } }) => why).join('\n')
  for (const reason of ['out: rules', 'out: no rule', 'in: rules', 'in: no rule', 'within the network', 'nobody of the network']) expect(whys).toContain(reason)
  expect(rows.some(({ attempt: { from, address }, expected: { by } }) => from.network === back && address.includes('10.0.0.') && by?.startsWith('front')), 'a peer is reached').toBe(true)
  expect(rows.some(({ attempt: { address }, expected: { by } }) => address === OUTSIDE && by === 'outside'), 'the outside is reached').toBe(true)
  expect(rows.some(({ attempt: { address }, expected: { by } }) => address === '10.96.0.10' && by !== null), 'a service is reached').toBe(true)
})

it('no forged frame reaches anybody', () => {
  expect(forgedRows.length).toBeGreaterThanOrEqual(20)
  expect(forgedRows.filter(({ by }) => by !== null)).toEqual([])
})

it('and the test can fail: without the section of policies, what they forbid passes', async () => {
  const which = attempts.flatMap(({ from, address }, at) => (from.network === front && expectations[at]?.by === null && (expectations[at]?.why ?? '').includes('no rule of') && frontPods.some((pod) => [v4(pod), v6(pod)].includes(address)) ? [at] : []))
  expect(which.length).toBeGreaterThan(5)
  const namespace = `hyp-${world.lab.hostTag}-n${front.number}`
  await world.lab.in(namespace, 'nft', 'flush', 'chain', 'inet', 'hypernetes', 'policy_check')
  const send = (firstId: number) => Promise.all(which.map((at) => world.speaker(attempts[at]!.from.name).send([{ id: firstId + at, ...attempts[at]! }])))
  await send(20_000)
  await Promise.all(which.map((at) => world.speaker(attempts[at]!.from.name).until(() => world.speaker(attempts[at]!.from.name).heard.answers.has(20_000 + at))))
  // The next reconciliation closes it again.
  await world.hosts.reconcile(world.attachments())
  await tried(which, 30_000)
  expect(which.map((at) => byWhom(30_000 + at, attempts[at]!)).filter((by) => by !== null)).toEqual([])
})

it.runIf(SEED === USUAL_SEED)('docs/isolation.md says so', () => {
  const text = isolationPage(sides, rows, forgedRows)
  if (process.env.HYPERNETES_WRITE_DOCS === '1') writeFileSync(page, text)
  expect(readFileSync(page, 'utf8')).toBe(text)
})
