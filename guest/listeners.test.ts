import { expect, it } from 'vitest'
import { listenerAddress } from '@/guest/listeners'

const line = (local: string, state: string, remote = '00000000:0000') => `   0: ${local} ${remote} ${state} 00000000:00000000 00:00000000 00000000     0        0 19 1 0000000000000000 100 0 0 10 0`

it('finds the address of who listens on a port in the kernel’s tables', () => {
  const table = ['  sl  local_address rem_address   st', line('00000000:1F90', '0A'), line('0708090A:0050', '0A'), line('0100007F:0016', '01', '0100007F:1F90'), line('0708090A:01BB', '0A'), line('0100007F:01BB', '0A')].join('\n')
  expect(listenerAddress(table, 8080)).toBe('127.0.0.1')
  expect(listenerAddress(table, 80)).toBe('10.9.8.7')
  expect(listenerAddress(table, 443)).toBe('127.0.0.1')
  // A connection is no listener, nor is a peer's port.
  expect(listenerAddress(table, 22)).toBeUndefined()
  expect(listenerAddress('', 80)).toBeUndefined()
  const six = [line('00000000000000000000000000000000:0050', '0A'), line('00000000000000000000000001000000:0051', '0A'), line('0000000000000000FFFF00000708090A:0052', '0A')].join('\n')
  expect(listenerAddress(six, 80)).toBe('127.0.0.1')
  expect(listenerAddress(six, 81)).toBe('0000:0000:0000:0000:0000:0000:0000:0001')
  expect(listenerAddress(six, 82)).toBe('10.9.8.7')
})
