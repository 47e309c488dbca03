import { expect, it } from 'vitest'
import { Turns, turnsOfTenant } from './turns'

const never = (): Promise<never> => new Promise<never>(() => {})
const now = (): Promise<string> => Promise.resolve('done')

it('what one tenant or one store has under way leaves the others their turns', async () => {
  const [store, other] = [new Turns('one'), new Turns('other')]
  const [tenant, another] = [turnsOfTenant(), turnsOfTenant()]
  const ends = new AbortController()
  const hangs = (turns: Turns, turn: 'short' | 'long', of = turnsOfTenant()) => {
    turns.take(turn, of, () => new Promise((_, reject) => ends.signal.addEventListener('abort', () => reject(new Error('ended')))), ends.signal).catch(() => {})
  }
  for (let i = 0; i < 20; i += 1) for (const turn of ['short', 'long'] as const) hangs(store, turn, tenant)
  expect(await Promise.all([store.take('short', another, now), store.take('long', another, now)])).toEqual(['done', 'done'])
  // As many tenants as there may be.
  for (let i = 0; i < 20; i += 1) for (const turn of ['short', 'long'] as const) hangs(store, turn)
  expect(await Promise.all([other.take('short', another, now), other.take('long', another, now)])).toEqual(['done', 'done'])
  ends.abort()
})

it('whose turn does not come is told so, or ends with its signal', async () => {
  const turns = new Turns('one', 50)
  const tenant = turnsOfTenant()
  void turns.take('long', tenant, never)
  await expect(turns.take('long', tenant, now)).rejects.toMatchObject({ code: 'Unreachable', object: 'one', message: expect.stringContaining('too much under way') })
  const unwanted = new AbortController()
  const waits = turns.take('long', tenant, now, unwanted.signal)
  unwanted.abort(new Error('not any more'))
  await expect(waits).rejects.toThrow('not any more')
  expect(await turns.take('short', tenant, now)).toBe('done')
})
