import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ExternalModel } from '../../testing/external-model'

/** Runs in npm test; more with HYPERNETES_PROPERTY_RUNS. */
const runs = Number(process.env.HYPERNETES_PROPERTY_RUNS ?? 200)

const host = fc.integer({ min: 0, max: 2 })
const place = fc.integer({ min: 0, max: 3 })
type Step = [keyof ExternalModel['steps'], number, number]
const step = (name: Step[0], weight: number): fc.WeightedArbitrary<Step> => ({ weight, arbitrary: fc.tuple(fc.constant(name), host, place) })
const steps = fc.array(fc.oneof(step('progress', 12), step('plan', 6), step('apply', 6), step('read', 6), step('send', 6), step('release', 6), step('take', 8), step('report', 8), step('aim', 4), step('movePod', 3), step('toggleService', 2), step('giveBack', 1), step('disconnect', 2), step('partition', 1), step('leaseOver', 2), step('callLost', 2), step('heal', 1)), { minLength: 1, maxLength: 150 })

describe('an address of the outside', () => {
  it('has never two owners, whatever changes, is reported, is lost on the way or dies; and comes where it shall once all is quiet', { timeout: 120_000 }, () => {
    fc.assert(fc.property(steps, (list) => {
      const model = new ExternalModel()
      for (const [name, a, b] of list) {
        model.steps[name](a, b)
        model.check(name)
      }
      model.settle()
      expect(model.misplaced()).toEqual([])
    }), { numRuns: runs })
  })

  it('would have two if it were freed before its host had let go: the model can tell', () => {
    const careless = fc.property(steps, (list) => {
      const model = new ExternalModel(true)
      for (const [name, a, b] of list) {
        model.steps[name](a, b)
        model.check(name)
      }
      model.settle()
    })
    expect(fc.check(careless, { numRuns: 500, seed: 1 }).failed).toBe(true)
  })
})
