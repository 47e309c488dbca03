import * as fc from 'fast-check'
import type { VolumeModel } from './volume-model'

/** What happens, at which host, and of which pod or how much. */
export type Step = [keyof VolumeModel['steps'], number, number]

/** Time in which all is done that is due. */
export const rest = (count: number): Step[] => Array.from({ length: count }, () => ['progress', 3, 0])
/** All of it but what one host does. */
export const restWithout = (h: number, count: number): Step[] => Array.from({ length: count }, () => ['progress', h, 0])
/** A decision is made, and told to a host that takes it and does the first steps of it. */
export const tell = (h: number, works = 0): Step[] => [['plan', 0, 0], ['apply', 0, 0], ['hear', h, 0], ['store', h, 0], ['read', h, 0], ['send', h, 0], ['release', h, 0], ['take', h, 0], ...Array.from({ length: works }, (): Step => ['work', h, 0])]
/** A host is silent for its time. */
export const fallsSilent = (how: 'sleep' | 'cutOff' | 'switchOff', h: number): Step[] => [[how, h, 0], ['callLost', h, 0]]

export const works = (h: number, count: number): Step[] => Array.from({ length: count }, () => ['work', h, 0])
const hears: Step[] = Array.from({ length: 8 }, () => ['hear', 0, 0])
/** A host makes it, of much data; a pod elsewhere asks for it. */
export const leavesWhileMaking: Step[] = [['plan', 0, 0], ['apply', 0, 0], ...tell(0, 12), ['movePod', 1, 0], ...tell(0), ...tell(0), ...hears, ...tell(0), ...restWithout(0, 6), ...works(0, 6)]
/** A pod has it and goes; one elsewhere reads it at once. */
export const readElsewhere: Step[] = [['movePod', 1, 0], ...rest(6), ['movePod', 0, 3], ['attach', 0, 3], ['togglePod', 0, 0], ...restWithout(1, 1), ['hear', 1, 0], ['plan', 0, 0], ['apply', 0, 0], ['read', 1, 0], ['send', 1, 0], ['release', 1, 0], ...restWithout(1, 2)]
/** A pod reads it, and nobody keeps it any more: its host was told to let go before the pod came, or after it; then a snapshot is asked for. */
export const readAndAsked = (h: number, n: number, reads: number, isLate: boolean): Step[] => {
  const letGo: Step[] = [['idle', 0, 0], ...(isLate ? ([['plan', 0, 0], ['apply', 0, 0]] satisfies Step[]) : rest(reads))]
  return [...letGo, ['movePod', h, n], ['attach', h, n], ...rest(reads), ['snapshot', 0, 0], ['write', h, 0]]
}

/** Its keeper falls silent while nobody has it, and an operator may give that up; a pod elsewhere reads it, and a snapshot is asked for. */
export const readsAfterLoss = (how: 'sleep' | 'cutOff' | 'switchOff', h: number, g: number, n: number, count: number): Step[] => [...fallsSilent(how, h), ['declareLost', h, 0], ['movePod', g, n], ['attach', g, n], ...restWithout(h, count), ['snapshot', 0, 0], ...restWithout(h, count)]

/** How often each happens by itself. */
const single: Partial<Record<Step[0], number>> = {
  plan: 4, apply: 4, read: 3, send: 4, release: 4, hear: 5, store: 4, take: 5, work: 10, workMore: 5, write: 5, doubleTold: 1, doubleSaid: 1, togglePod: 4, movePod: 8, attach: 3, detach: 2, remove: 1, graceOver: 1, restore: 2, grow: 1,
  snapshot: 3, revert: 3, idle: 1, reconnect: 2, restartAgent: 2, killVm: 2, cutOff: 1, sleep: 3, wake: 4, switchOff: 1, callLost: 2, declareLost: 3, comeBack: 2, forgetSilent: 3, forgetBlocked: 1,
}
const at = fc.nat(2)
const singles = Object.entries(single).map(([name, weight]) => ({ weight, arbitrary: fc.tuple(fc.constant(name as Step[0]), at, fc.nat(5)).map((one): Step[] => [one]) }))
/** All time passes, or all but that of one host. */
const passes = fc.tuple(fc.nat(3), fc.integer({ min: 1, max: 6 })).map(([but, count]) => restWithout(but, count))
const silent = fc.tuple(fc.constantFrom('sleep', 'sleep', 'cutOff', 'switchOff'), at).map(([how, h]) => fallsSilent(how, h))
const told = fc.tuple(at, fc.nat(6)).map(([h, works]) => tell(h, works))
/**
 * A host is told of a pod of its own and gets some way, and falls silent; a pod elsewhere asks for the volume, and may get it; the first one goes on where it was, or comes back.
 */
const takenOver = fc.tuple(at, at, fc.nat(18), fc.nat(18), fc.constantFrom('sleep', 'sleep', 'sleep', 'cutOff', 'switchOff'), fc.nat(7), fc.nat(7), fc.constantFrom('wake', 'wake', 'comeBack'), fc.nat(20)).map(([h, g, works, begun, how, before, after, back, goesOn]): Step[] => [
  ['movePod', h, 0], ...rest(before % 4), ...tell(h, works), ...fallsSilent(how, h), ['movePod', g, 0], ...restWithout(h, before), ...tell(g, begun), ['declareLost', h, 0], ['forgetSilent', 0, 0], ...restWithout(h, after), [back, h, 0], ...Array.from({ length: goesOn }, (): Step => ['work', h, 0]), ['write', h, 0], ['write', g, 0],
])
const readers = fc.tuple(at, fc.integer({ min: 3, max: 5 }), fc.nat(5), fc.boolean()).map((one) => readAndAsked(...one))
/** Off, so that an operator may say so: in a folder that hosts share, readers come under a keeper that may be there still, and nobody keeps the volume once that has let go. */
const keeperless = fc.tuple(at, at, fc.integer({ min: 3, max: 5 }), fc.nat(6)).map(([h, g, n, count]): Step[] => [['togglePod', h, 0], ...rest(3), ...readsAfterLoss('switchOff', h, g, n, count)])
/** A volume with a pod that has it, and then anything. */
export const lives = fc.tuple(at, fc.nat(8), fc.array(fc.oneof({ weight: 40, arbitrary: passes }, { weight: 10, arbitrary: silent }, { weight: 14, arbitrary: told }, { weight: 12, arbitrary: takenOver }, { weight: 4, arbitrary: readers }, { weight: 4, arbitrary: keeperless }, ...singles), { minLength: 1, maxLength: 50 })).map(([h, count, all]): Step[] => [['movePod', h, 0], ...rest(count), ...all.flat()])
