import { expect, it } from 'vitest'
import { usageChanges } from './usage'

const mib = 2 ** 20
const holdOf = (name: string, state: 'mounted' | 'open' = 'mounted') => ({ name, state, fsBytes: null as number | null, usedBytes: null as number | null, isHalted: false })
const volumeOf = (podUid: string, hold: ReturnType<typeof holdOf>) => ({ state: { holds: new Map([[podUid, hold]]) } })

it('what a guest says of a file system is told once it is another by some of it, or the file system has grown', () => {
  const hold = holdOf('data')
  const volumes = new Map([['v', volumeOf('pod', hold)]])
  const say = (usedBytes: number, fsBytes = 1000 * mib) => usageChanges(volumes, 'pod', [{ name: 'data', fsBytes, usedBytes }]).length
  expect([say(mib), say(2 * mib), say(5.9 * mib), say(7 * mib), say(7 * mib), say(7 * mib, 2000 * mib), say(mib, 2000 * mib), say(8 * mib, 2000 * mib)]).toEqual([1, 0, 0, 1, 0, 1, 0, 0])
  expect(hold).toMatchObject({ fsBytes: 2000 * mib, usedBytes: 7 * mib })
})

it('a volume is the one of its pod and its name, and mounted', () => {
  const volumes = new Map([['mounted', volumeOf('pod', holdOf('data'))], ['other name', volumeOf('pod', holdOf('logs'))], ['other pod', volumeOf('second', holdOf('data'))], ['not mounted', volumeOf('pod', holdOf('data', 'open'))]])
  expect(usageChanges(volumes, 'pod', [{ name: 'data', fsBytes: mib, usedBytes: 1 }])).toEqual(['mounted'])
  expect(usageChanges(volumes, 'pod', [])).toEqual([])
})

it('that a file system takes no more writes is told at once, and that it does again', () => {
  const hold = holdOf('data')
  const volumes = new Map([['v', volumeOf('pod', hold)]])
  const say = (halted?: boolean) => usageChanges(volumes, 'pod', [{ name: 'data', fsBytes: mib, usedBytes: 1, ...(halted === undefined ? {} : { halted }) }]).length
  expect([say(), say(false), say(true), say(true), say()]).toEqual([1, 0, 1, 0, 1])
})
