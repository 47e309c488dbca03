import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { VolumeModel } from '@/server/control/testing/volume-model'
import type { ModelKind } from '@/server/control/testing/volume-model-rows'
import { leavesWhileMaking, lives, readElsewhere, type Step } from '@/server/control/testing/volume-steps'
import { HeldGateway } from './testing/volume-model-held'

/** Runs in npm test; more with HYPERNETES_PROPERTY_RUNS. */
const runs = Number(process.env.HYPERNETES_PROPERTY_RUNS ?? 150)

function play(kind: ModelKind, readOnlyMany: boolean, list: readonly Step[], forgetful = false): string[] {
  const model = new VolumeModel(kind, readOnlyMany, null, (host, rows) => new HeldGateway(host, rows, forgetful))
  for (const [name, a, b] of list) {
    model.steps[name](a, b)
    model.check(name)
  }
  model.settle()
  return model.unsettled()
}

/** The same model as the volume controller's (server/control/controllers/volume), with what the gateway itself decides in the place of the model's own gateway. */
describe('a volume of hosts that the gateway tells', () => {
  it.each<[string, ModelKind]>([['on the disk of a host', 'file'], ['in a folder that hosts share', 'shared'], ['in Ceph', 'rbd']])('%s has never two writers, and a pod that may has it once all is quiet', { timeout: 180_000 }, (_, kind) => {
    fc.assert(fc.property(fc.boolean(), lives, (readOnlyMany, list) => {
      expect(play(kind, readOnlyMany, list)).toEqual([])
    }), { numRuns: runs })
  })

  it.each([['it were freed', leavesWhileMaking], ['a pod counted as without it', readElsewhere]])('would have two, or lose what was written, if %s before its host had said so: the model can tell', (_, list) => {
    expect(() => play('rbd', true, list, true)).toThrow(/I\d: /)
    expect(play('rbd', true, list)).toEqual([])
  })
})
