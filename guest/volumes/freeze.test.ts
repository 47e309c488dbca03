import { beforeEach, expect, it } from 'vitest'
import { Freezer } from '@/guest/volumes/freeze'

type Ended = { exitCode: number; output: string }
const done: Ended = { exitCode: 0, output: '' }
const turns = () => new Promise(setImmediate)

/** Scripts that ran or run, in order, as what they do and where; those that freeze end when a test says so. */
let scripts: string[]
let endings: ((ended?: Ended) => void)[]
let timers: { at: number; action: () => void }[]
let now: number
let freezer: Freezer

beforeEach(() => {
  ;[scripts, endings, timers, now] = [[], [], [], 0]
  freezer = new Freezer({
    run: (script, paths) => {
      const freezes = script.includes('fsfreeze --freeze')
      scripts.push(`${freezes ? 'freeze' : 'thaw'} ${paths.join(' ')}`)
      return freezes ? new Promise((resolve) => endings.push((ended = done) => resolve(ended))) : Promise.resolve(done)
    },
    after: (milliseconds, action) => {
      const timer = { at: now + milliseconds, action }
      timers.push(timer)
      return () => void (timers = timers.filter((each) => each !== timer))
    },
  })
})

async function pass(milliseconds: number): Promise<void> {
  await turns()
  now += milliseconds
  const due = timers.filter(({ at }) => at <= now)
  timers = timers.filter(({ at }) => at > now)
  for (const { action } of due) action()
  await turns()
}

const volume = (name: string, readOnly = false) => ({ name, path: `/${name}`, readOnly })
const freeze = (timeoutMilliseconds: number, ...names: string[]) => freezer.freeze(names.map((name) => volume(name)), timeoutMilliseconds).catch((error: unknown) => error)

it('file systems are frozen together, refused to be frozen twice, and thawed once: by who asked or by time', async () => {
  const both = freeze(100, 'a', 'b')
  await turns()
  expect(await freeze(100, 'a')).toMatchObject({ code: 'Conflict', object: 'a' })
  endings[0]?.()
  expect([await both, freezer.isFrozen('a')]).toEqual([['a', 'b'], true])
  await freezer.thaw(['a'])
  await pass(100)
  await freezer.thaw(['a', 'b'])
  expect([scripts, freezer.isFrozen('a'), freezer.isFrozen('b')]).toEqual([['freeze /a /b', 'thaw /a', 'thaw /b'], false, false])
  expect(await freezer.freeze([volume('r', true)], 100)).toEqual([])
  const refused = freeze(100, 'a')
  await turns()
  endings[1]?.({ exitCode: 1, output: 'no such file system' })
  expect([await refused, freezer.isFrozen('a')]).toEqual([expect.objectContaining({ code: 'Unavailable', message: expect.stringContaining('no such file system') as string }), false])
})

it('a freeze that comes too late is thawed before the next one begins, and not after', async () => {
  const first = freeze(100, 'a', 'b')
  await pass(100)
  expect(await first).toMatchObject({ code: 'Busy', object: 'a' })
  const next = freeze(100, 'b')
  const other = freeze(100, 'c')
  await turns()
  // Another volume need not wait for it.
  expect([scripts, freezer.isFrozen('a')]).toEqual([['freeze /a /b', 'freeze /c'], true])
  endings[0]?.()
  await turns()
  expect(scripts.slice(2)).toEqual(['thaw /a /b', 'freeze /b'])
  for (const end of endings) end()
  expect([await next, await other]).toEqual([['b'], ['c']])
  await turns()
  expect([scripts.slice(4), freezer.isFrozen('a'), freezer.isFrozen('b')]).toEqual([[], false, true])
  await pass(100)
  expect(scripts.slice(4)).toEqual(['thaw /b', 'thaw /c'])
})

it('one whose time is over before it is its turn freezes nothing', async () => {
  const first = freeze(100, 'a')
  await pass(100)
  const next = freeze(100, 'a')
  await pass(100)
  expect([await first, await next]).toEqual([expect.objectContaining({ code: 'Busy' }), expect.objectContaining({ code: 'Busy' })])
  endings[0]?.()
  await turns()
  expect([scripts, freezer.isFrozen('a')]).toEqual([['freeze /a', 'thaw /a'], false])
})

it('what is thawed while it is being frozen goes on once it is, and another freeze meanwhile is not ended by that', async () => {
  const first = freeze(100, 'a')
  await turns()
  await freezer.thaw(['a'])
  const next = freeze(200, 'a')
  endings[0]?.()
  expect(await first).toMatchObject({ code: 'Busy' })
  await turns()
  endings[1]?.()
  expect([await next, scripts, freezer.isFrozen('a')]).toEqual([['a'], ['freeze /a', 'thaw /a', 'freeze /a'], true])
  freezer.thawAll()
  await turns()
  expect([scripts.at(-1), freezer.isFrozen('a')]).toEqual(['thaw /a', false])
})
