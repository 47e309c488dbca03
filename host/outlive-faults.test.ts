import { EventEmitter } from 'node:events'
import { expect, it } from 'vitest'
import { outliveFaults } from './outlive-faults'

it('a rejection that nobody handled is logged as an error', () => {
  const process = new EventEmitter()
  const errors: unknown[] = []
  outliveFaults(process, { error: (fields: unknown) => void errors.push(fields) })
  expect(process.emit('unhandledRejection', new Error('forgotten'))).toBe(true)
  expect(errors).toEqual([{ err: new Error('forgotten') }])
})
