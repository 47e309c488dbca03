import { constants } from 'node:os'
import { expect, it } from 'vitest'
import { signals } from '@/contracts/guest/v1/requests'
import { signalNumber } from './signals'

it('every signal has its number on Linux', () => {
  const known: Record<string, number> = { ...constants.signals }
  for (const name of signals.filter((each) => !each.startsWith('RTMIN'))) expect([name, signalNumber(name)]).toEqual([name, known[`SIG${name}`]])
  expect([signalNumber('RTMIN'), signalNumber('RTMIN+3'), signalNumber('RTMIN+30')]).toEqual([34, 37, 64])
})
