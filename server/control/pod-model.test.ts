import * as fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startTestServer } from '@/server/api/testing/server'
import { fuzzRuns, fuzzTimeout } from '@/tools/testing/fuzz-runs'
import { ModelWorld, type Person } from './testing/model-world'

let server: Awaited<ReturnType<typeof startTestServer>>
let ann: Person
beforeAll(async () => {
  server = await startTestServer()
  ann = await server.signUp('ann')
})
afterAll(() => server.stop())

const names = ['a', 'b', 'c'] as const
const name = fc.constantFrom(...names)
const step = <K extends string>(kind: K) => fc.record({ kind: fc.constant(kind) })
/** What may happen, the usual more often than the rare. */
const happening = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('create' as const), name, policy: fc.constantFrom('Always' as const, 'OnFailure' as const, 'Never' as const) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('delete' as const), name }) },
  // As it goes when nothing is in the way.
  { weight: 8, arbitrary: step('flow') },
  { weight: 3, arbitrary: step('reconcile') },
  { weight: 3, arbitrary: step('sendDesired') },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('takeDesired' as const), again: fc.boolean() }) },
  { weight: 8, arbitrary: fc.record({ kind: fc.constant('takeReport' as const), twice: fc.boolean() }) },
  { weight: 4, arbitrary: step('takeLate') },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('killVm' as const), name }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('exit' as const), name, exitCode: fc.constantFrom(0, 1) }) },
  { weight: 2, arbitrary: step('killAgent') },
  { weight: 2, arbitrary: step('startAgent') },
  { weight: 2, arbitrary: step('disconnect') },
  { weight: 3, arbitrary: step('connect') },
  { weight: 1, arbitrary: step('silence') },
  { weight: 2, arbitrary: step('heartbeat') },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('advance' as const), ms: fc.constantFrom(1, 500, 3_000, 15_000, 700_000) }) },
)
type Happening = typeof happening extends fc.Arbitrary<infer T> ? T : never

function happen(world: ModelWorld, what: Happening): Promise<void> | void {
  switch (what.kind) {
    case 'create': return world.create(what.name, what.policy)
    case 'delete': return world.delete(what.name)
    case 'takeDesired': return world.takeDesired(what.again)
    case 'takeReport': return world.takeReport(what.twice)
    case 'killVm': return world.killVm(what.name)
    case 'exit': return world.exit(what.name, what.exitCode)
    case 'advance': return world.advance(what.ms)
    default: return world[what.kind]()
  }
}

/** What an undisturbed run comes to: what was not touched runs, once; what was deleted is gone, with all that it had. */
async function expectRest(world: ModelWorld): Promise<void> {
  const pods = [...world.wanted.values()]
  const rows = await server.db.pod.findMany({ where: { tenantId: ann.tenant.id }, select: { uid: true, name: true, report: { select: { phase: true } }, addresses: { select: { address: true } } } })
  const alive = pods.filter((pod) => !pod.deleted)
  expect(rows.map((row) => row.uid).sort()).toEqual(alive.map((pod) => pod.uid).sort())
  for (const pod of alive) {
    const phase = rows.find((row) => row.uid === pod.uid)?.report?.phase
    const ends = pod.touched && pod.policy !== 'Always'
    expect(ends ? ['Running', 'Failed', 'Succeeded'] : ['Running']).toContain(phase)
    expect(world.machine.machines.has(`vm ${pod.uid}`)).toBe(phase === 'Running')
  }
  const known = new Set(alive.map((pod) => pod.uid))
  const left = world.machine.leftovers.filter((what) => !known.has(what.split(' ').at(-1) ?? ''))
  expect(left).toEqual([])
  expect(world.accounts).toBe(alive.length)
  expect(new Set(rows.map((row) => row.addresses[0]?.address)).size).toBe(alive.length)
  const running = rows.filter((row) => row.report?.phase === 'Running').flatMap((row) => row.addresses.map(({ address }) => address))
  expect(await world.targets()).toEqual(running.sort())
}

describe('the state machine of a pod, from the server through a host to its machine and back', () => {
  it('keeps its invariants and comes to the same end, whatever is killed, late, lost or said twice', { timeout: fuzzTimeout(60_000) }, async () => {
    const property = fc.asyncProperty(fc.array(happening, { minLength: 10, maxLength: 50 }), async (story) => {
      const world = await ModelWorld.open(server, ann)
      try {
        for (const each of names) await world.create(each, 'Always')
        await world.flow()
        for (const what of story) {
          await happen(world, what)
          expect(world.violations).toEqual([])
        }
        await world.quiesce()
        await world.look()
        expect(world.violations).toEqual([])
        await expectRest(world)
      } finally {
        await world.stop()
      }
    })
    await fc.assert(property, { numRuns: fuzzRuns(5), endOnFailure: true })
  })
})
