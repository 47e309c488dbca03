import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ExternalModel, type Capable, type Careless } from '../../testing/external-model'

/** Runs in npm test; more with HYPERNETES_PROPERTY_RUNS. */
const runs = Number(process.env.HYPERNETES_PROPERTY_RUNS ?? 300)

const host = fc.integer({ min: 0, max: 2 })
const place = fc.integer({ min: 0, max: 4 })
type Step = [keyof ExternalModel['steps'], number, number]
const step = (name: Step[0], weight: number): fc.WeightedArbitrary<Step> => ({ weight, arbitrary: fc.tuple(fc.constant(name), host, place) })
/** Time in which all is done that is due. */
const rest = (count: number): Step[] => Array.from({ length: count }, () => ['progress', 3, 0])
const steps = fc.array(fc.oneof(step('progress', 12), step('plan', 6), step('apply', 4), step('applyOne', 4), step('read', 5), step('readSome', 3), step('send', 6), step('release', 6), step('take', 8), step('work', 6), step('report', 8), step('beat', 3), step('hear', 3), step('aim', 4), step('movePod', 3), step('toggleService', 2), step('giveBack', 1), step('disconnect', 2), step('holdPods', 1), step('changeAgent', 2), step('partition', 2), step('leaseOver', 2), step('callLost', 2), step('heal', 1)), { minLength: 1, maxLength: 150 })
/** Addresses come to the balancers of two services, and leave them for each other and for pods elsewhere, while one host or another is slow. */
const ofBalancers: readonly Step[] = [['movePod', 2, 1], ['aim', 0, 3], ['aim', 2, 3], ...rest(6)]
const slowly = fc.constantFrom<Step>(['progress', 0, 0], ['progress', 1, 0], ['progress', 2, 0])
const aims = fc.tuple(fc.constant<'aim'>('aim'), fc.constantFrom(0, 2), fc.constantFrom(0, 1, 2, 3, 3, 4))
/** The balancers' host hears of a change, does what it heard, and what it says of that is heard: each at its own time. */
const hears = aims.map((aim): Step[] => [aim, ['progress', 0, 0]])
const one = (weight: number, arbitrary: fc.Arbitrary<Step>) => ({ weight, arbitrary: arbitrary.map((each): Step[] => [each]) })
const movesOfBalancers = fc.array(fc.oneof({ weight: 6, arbitrary: hears }, { weight: 5, arbitrary: fc.constant<Step[]>([['take', 0, 0], ['work', 0, 0]]) }, one(3, fc.constant<Step>(['report', 0, 0])), one(3, slowly), one(1, aims), ...[step('take', 1), step('work', 1), step('report', 1), step('send', 1), step('release', 1), step('disconnect', 1)].map(({ arbitrary }) => one(1, arbitrary))), { minLength: 1, maxLength: 50 }).map((all) => all.flat())
/** A balancer with two addresses on a host whose agent is of before and says of none which it holds; another host could take over. */
const atOldAgent: readonly Step[] = [['movePod', 0, 2], ['movePod', 1, 2], ['aim', 0, 3], ['aim', 2, 3], ...rest(6), ['changeAgent', 0, 0], ...rest(6), ['holdPods', 2, 0]]
/** What changed is planned, and said to a host. */
const saidTo = (h: number): Step[] => [['plan', 0, 0], ['apply', 0, 0], ['report', h, 0], ['read', h, 0], ['send', h, 0], ['release', h, 0]]
const list = (weight: number, steps: Step[]) => ({ weight, arbitrary: fc.constant(steps) })
const andSaid = (name: 'aim' | 'movePod', ...to: number[]) => fc.tuple(fc.constantFrom(0, 2), fc.constantFrom(...to)).map(([which, where]): Step[] => [[name, which, where], ...saidTo(2)])
/** Its connection ends now and then, its pods are told late, and it is slow. */
const movesAtOldAgent = fc.array(fc.oneof({ weight: 4, arbitrary: andSaid('aim', 0, 2, 3) }, { weight: 4, arbitrary: andSaid('movePod', 0, 2) }, list(4, [...saidTo(0), ['take', 0, 0], ['work', 0, 0]]), list(3, [['disconnect', 2, 0]]), list(1, [['take', 2, 0]]), list(1, [['holdPods', 2, 0]]), list(1, [['progress', 2, 0]])), { minLength: 1, maxLength: 30 }).map((lists) => lists.flat())
/** Hosts whose agents know of the outside from the beginning: one alone may answer for ever. */
const capable = fc.constantFrom<Capable>([true, true, true], [true, false, false], [false, false, true], [false, false, false])

function play(from: Capable, list: readonly Step[], careless: Careless = null): ExternalModel {
  const model = new ExternalModel(from, careless)
  for (const [name, a, b] of list) {
    model.steps[name](a, b)
    model.check(name)
  }
  model.settle()
  return model
}

describe('an address of the outside', () => {
  it('has never two owners, whatever changes, is reported, is lost on the way or dies; and comes where it shall once all is quiet', { timeout: 180_000 }, () => {
    fc.assert(fc.property(capable, steps, (from, list) => {
      expect(play(from, list).misplaced()).toEqual([])
    }), { numRuns: runs })
  })

  it('nor has one of several of a balancer, however late their hosts hear, do and say what', { timeout: 180_000 }, () => {
    fc.assert(fc.property(movesOfBalancers, (list) => {
      expect(play([true, true, true], [...ofBalancers, ...list]).misplaced()).toEqual([])
    }), { numRuns: runs })
  })

  it('nor has one of several of a balancer whose host does not say which it holds, and whose connection ends', { timeout: 180_000 }, () => {
    fc.assert(fc.property(movesAtOldAgent, (list) => {
      expect(play([false, false, true], [...atOldAgent, ...list]).misplaced()).toEqual([])
    }), { numRuns: runs })
  })

  /** The first host alone may answer for ever. Then another one comes that could take over. */
  const second: Step[] = [...rest(4), ['changeAgent', 1, 0]]
  const isLost: Step[] = [['partition', 0, 0], ['leaseOver', 0, 0], ['callLost', 0, 0], ['movePod', 0, 1], ...rest(6)]
  const moves: Step[] = [['aim', 1, 2], ...rest(6), ['aim', 0, 1], ['plan', 0, 0], ['apply', 0, 0], ['read', 0, 0], ['send', 0, 0], ['release', 0, 0], ['plan', 0, 0], ['apply', 0, 0], ['read', 1, 0], ['send', 1, 0], ['take', 1, 0], ['work', 1, 0]]
  const replan: Step[] = [['plan', 0, 0], ['apply', 0, 0]]
  const tell = (h: number): Step[] => [['read', h, 0], ['send', h, 0], ['release', h, 0]]
  const carryOut = (h: number): Step[] => [['take', h, 0], ['work', h, 0]]
  /** The first host's balancer has two addresses; one of them shall be a pod's of the second host. */
  const loses: Step[] = [['movePod', 2, 1], ['aim', 0, 3], ['aim', 2, 3], ...rest(6), ['aim', 2, 2], ...replan, ...tell(0)]
  const comesThere: Step[] = [...replan, ...tell(1), ...carryOut(1)]
  /** Of what the host says when it let go the gateway hears late, when the balancer has the address again, and loses it again. */
  const losesAgain: Step[] = [...loses, ...carryOut(0), ['aim', 2, 3], ...replan, ...tell(0), ...carryOut(0), ['aim', 2, 2], ...replan, ...tell(0), ['report', 0, 0], ['report', 0, 0], ...tell(0)]
  /** An address goes to a pod of the same host, which is not told of it yet when the pod is gone. */
  const forgotten: Step[] = [...atOldAgent, ['disconnect', 2, 0], ['report', 2, 0], ['aim', 2, 2], ...replan, ...tell(2), ['movePod', 2, 0], ...replan, ...tell(2), ...replan, ...tell(0), ...carryOut(0)]
  it.each<[string, Step[], Careless, Capable]>([
    ['it were freed before its host had let go', moves, 'free', [true, true, true]],
    ['a host that may answer for ever counted as told of its time once another one could take over', [...rest(4), ['partition', 0, 0], ['changeAgent', 1, 0], ...isLost], 'now', [true, false, false]],
    ['that counted from when it was sent', [...second, ['read', 0, 0], ['send', 0, 0], ...isLost], 'sent', [true, false, false]],
    ['what was said before it was taken counted', [...second, ['beat', 0, 0], ['read', 0, 0], ['send', 0, 0], ['hear', 0, 0], ...isLost], 'early', [true, false, false]],
    ['what a host was told counted for what it was told since, for ever again', [...second, ...rest(3), ['changeAgent', 1, 0], ...rest(3), ['changeAgent', 1, 0], ...isLost], 'once', [true, false, false]],
    ['one of several addresses of a balancer were freed once that was told', [...loses, ...comesThere], 'single', [true, true, true]],
    ['what a host said before it was told counted for one of several', [...losesAgain, ...comesThere], 'stale', [true, true, true]],
    ['what an earlier connection told were forgotten with the first word of this one', forgotten, 'forgets', [false, false, true]],
  ])('would have two if %s: the model can tell', (_, list, careless, from) => {
    expect(() => play(from, list, careless)).toThrow('has two owners')
    expect(play(from, list).misplaced()).toEqual([])
  })
})
