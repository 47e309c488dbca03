import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { VolumeModel, type Careless } from '../../testing/volume-model'
import type { ModelKind } from '../../testing/volume-model-rows'
import { fallsSilent, leavesWhileMaking, lives, readAndAsked, readElsewhere, readsAfterLoss, rest, restWithout, tell, works, type Step } from '../../testing/volume-steps'

/** Runs in npm test; more with HYPERNETES_PROPERTY_RUNS. */
const runs = Number(process.env.HYPERNETES_PROPERTY_RUNS ?? 150)

function play(kind: ModelKind, readOnlyMany: boolean, list: readonly Step[], careless: Careless = null): VolumeModel {
  const model = new VolumeModel(kind, readOnlyMany, careless)
  for (const [name, a, b] of list) {
    model.steps[name](a, b)
    model.check(name)
  }
  model.settle()
  return model
}

describe('a volume', () => {
  it.each<[string, ModelKind]>([['on the disk of a host', 'file'], ['in a folder that hosts share', 'shared'], ['in Ceph', 'rbd']])('%s has never two writers, whatever is asked, lost, doubled, sleeps, dies or comes back; and a pod that may has it once all is quiet', { timeout: 180_000 }, (_, kind) => {
    fc.assert(fc.property(fc.boolean(), lives, (readOnlyMany, list) => {
      expect(play(kind, readOnlyMany, list).unsettled()).toEqual([])
    }), { numRuns: runs })
  })

  it.each<[string, ModelKind]>([['in a folder that hosts share', 'shared'], ['in Ceph', 'rbd']])('%s that pods only read has its snapshots taken, whether its keeper has let go or was about to', (_, kind) => {
    const begun: Step[] = [['movePod', 0, 0], ...rest(6), ['togglePod', 0, 0], ...rest(6)]
    for (const h of [0, 1]) for (const isLate of [false, true]) expect(play(kind, true, [...begun, ...readAndAsked(h, 3, 6, isLate)]).unsettled()).toEqual([])
  })

  it.each<[string, ModelKind, 'switchOff' | 'sleep' | 'cutOff']>([['in a folder that hosts share', 'shared', 'switchOff'], ['in Ceph', 'rbd', 'switchOff'], ['in Ceph', 'rbd', 'sleep'], ['in Ceph', 'rbd', 'cutOff']])('%s whose keeper is lost has another one once a pod elsewhere reads it, and its snapshots taken meanwhile (%s: %s)', (_, kind, how) => {
    for (const h of [1, 2]) {
      const model = new VolumeModel(kind, true)
      const go = (list: readonly Step[]) => {
        for (const [name, a, b] of list) {
          model.steps[name](a, b)
          model.check(name)
        }
      }
      go([['movePod', 0, 0], ...rest(6), ['togglePod', 0, 0], ...rest(6), ...readsAfterLoss(how, 0, h, 3, 8)])
      expect(model.unsettled()).toEqual([])
      go([['wake', 0, 0], ...works(0, 10), ['write', 0, 0], ['comeBack', 0, 0], ...rest(6)])
      expect(model.unsettled()).toEqual([])
    }
  })

  it.each(['sleep', 'cutOff'] as const)('in a folder that hosts share has its snapshots taken while pods read it, once its keeper is back that was about to let go when it fell silent (%s)', (how) => {
    const model = new VolumeModel('shared', true)
    const silent: Step[] = [['idle', 0, 0], ['plan', 0, 0], ['apply', 0, 0], ...fallsSilent(how, 0)]
    const back: Step[] = [['wake', 0, 0], ['comeBack', 0, 0], ...rest(10)]
    for (const [name, a, b] of [['movePod', 0, 0], ...rest(6), ['togglePod', 0, 0], ...rest(6), ...silent, ['movePod', 1, 3], ['attach', 1, 3], ...restWithout(0, 8), ['snapshot', 0, 0], ...restWithout(0, 8), ...back] satisfies Step[]) {
      model.steps[name](a, b)
      model.check(name)
    }
    expect(model.unsettled()).toEqual([])
  })

  /** It is made and nobody has it. */
  const made: Step[] = [...rest(4), ['idle', 0, 0], ...rest(4)]
  /** The second host is told of a pod of its own and goes so many steps: up to its claim 8, to the open image 9, to the disk in its guest 12; then it sleeps, and is called lost. */
  const sleepsAfter = (count: number): Step[] => [...made, ['movePod', 1, 0], ['plan', 0, 0], ['apply', 0, 0], ...tell(1, count), ...fallsSilent('sleep', 1)]
  /** A pod of the first host gets it meanwhile. */
  const elsewhere: Step[] = [['movePod', 0, 0], ...restWithout(1, 8)]
  const wakes: Step[] = [['wake', 1, 0], ...works(1, 10), ['write', 1, 0]]
  const goesBackTwice: Step[] = [['movePod', 1, 0], ...rest(6), ['snapshot', 0, 0], ...rest(4), ...[0, 1].flatMap((): Step[] => [['movePod', 1, 0], ...rest(6), ['togglePod', 1, 0], ...rest(4), ['revert', 0, 0], ...rest(4)])]
  /** The second host has it, and sleeps; the first takes it over, and sleeps before it has shut that one out; the third takes it over from both. */
  const shutsOutLate: Step[] = [...sleepsAfter(12), ['movePod', 0, 0], ['plan', 0, 0], ['apply', 0, 0], ...tell(0, 6), ...fallsSilent('sleep', 0), ['movePod', 2, 0], ...restWithout(3, 8), ['wake', 0, 0], ...works(0, 4)]
  it.each<[string, Careless, ModelKind, Step[]]>([
    ['a host did not look whether a higher number is known', 'noEpoch', 'rbd', [...sleepsAfter(2), ...elsewhere, ...wakes]],
    ['the one before were not shut out', 'noFence', 'rbd', [...sleepsAfter(12), ...elsewhere, ...wakes]],
    ['the lock were not taken before a guest may write', 'noLock', 'rbd', [...sleepsAfter(12), ['forgetSilent', 0, 0], ...elsewhere, ...wakes]],
    ['a host did not look again once it has the lock', 'noSecondLook', 'rbd', [...sleepsAfter(8), ...elsewhere, ...wakes]],
    ['the one before were shut out before the higher number can be read', 'fenceFirst', 'rbd', [...sleepsAfter(8), ['movePod', 0, 0], ['plan', 0, 0], ['apply', 0, 0], ...tell(0, 5), ...wakes, ...restWithout(1, 8)]],
    ['a host looked who is there only when it shuts them out', 'listsLate', 'rbd', shutsOutLate],
    ['a number were written over another one', 'overwrites', 'rbd', [...sleepsAfter(3), ...elsewhere, ...wakes]],
    ['an entry of the blocklist ran out', 'expires', 'rbd', [...sleepsAfter(12), ...elsewhere, ['forgetBlocked', 0, 0]]],
    ['a silent host were taken for one that has stopped', 'byTime', 'shared', [...sleepsAfter(12), ...elsewhere, ...wakes]],
    ['an operator declared lost what sleeps', 'wrongWord', 'shared', [...sleepsAfter(12), ['declareLost', 1, 0], ...elsewhere, ...wakes]],
    ['what was planned were written without another look', 'blind', 'rbd', [...made, ['remove', 0, 0], ['graceOver', 0, 0], ['plan', 0, 0], ['restore', 0, 0], ['apply', 0, 0]]],
    ['what was planned of one deletion were written to another one', 'blind', 'rbd', [...made, ['remove', 0, 0], ['graceOver', 0, 0], ['plan', 0, 0], ['restore', 0, 0], ['remove', 0, 0], ['apply', 0, 0]]],
    ['a host said that it let go before it has', 'goneEarly', 'rbd', leavesWhileMaking],
    ['it were freed before its host had said so', 'freesEarly', 'rbd', leavesWhileMaking],
    ['a pod counted as without it before its host had said so', 'dropsEarly', 'rbd', readElsewhere],
    ['a host took what it did under another number for done', 'revertsOnce', 'rbd', goesBackTwice],
  ])('would have two, or none, or lose what was written, if %s: the model can tell', (_, careless, kind, list) => {
    expect(() => play(kind, true, list, careless)).toThrow(/I\d: /)
    expect(play(kind, true, list).unsettled()).toEqual([])
  })
})
