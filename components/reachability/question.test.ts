import { expect, it } from 'vitest'
import { readAsked, toQuestion, type Asked } from './question'

const asked = (over: Partial<Asked> = {}): Asked => ({ from: 'default/web', kind: 'pod', to: 'db', protocol: 'tcp', port: '5432', ...over })

it('is read from the address, and what is not known is the usual', () => {
  const query = new Map([['from', 'default/web'], ['kind', 'spaceship'], ['to', ' db '], ['protocol', 'udp']])
  expect(readAsked((key) => query.get(key) ?? '')).toEqual({ from: 'default/web', kind: 'pod', to: 'db', protocol: 'udp', port: '' })
})
it('is asked once it is whole', () => {
  expect(toQuestion(asked()).question).toEqual({ from: { namespace: 'default', name: 'web' }, to: { kind: 'pod', namespace: 'default', name: 'db' }, protocol: 'tcp', port: 5432 })
  expect(toQuestion(asked({ kind: 'address', to: 'fd00::1', protocol: 'icmp', port: 'x' })).question).toMatchObject({ to: { kind: 'address', address: 'fd00::1' }, port: null })
  expect(toQuestion(asked({ kind: 'service', port: '' })).question).toMatchObject({ to: { kind: 'service' }, port: null })
  for (const missing of [{ from: '' }, { to: '' }, { port: '' }]) expect(toQuestion(asked(missing))).toEqual({ question: null, problem: null })
})
it.each([[{ port: '0' }, 'port'], [{ port: '70000' }, 'port'], [{ kind: 'address', to: 'db' }, 'to'], [{ to: 'a/b/c' }, 'to'], [{ from: '/x' }, 'from'], [{ to: 'Not A Name' }, 'to']] as const)('%o is told at its field', (over, field) => expect(toQuestion(asked(over)).problem?.field).toBe(field))
