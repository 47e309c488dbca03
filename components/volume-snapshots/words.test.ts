import { expect, it } from 'vitest'
import { dnsSubdomain } from '@/domain/shared/names'
import { suggestedName } from './words'

it('a suggested name says of what and when, and is one', () => {
  const at = new Date('2026-11-06T09:05:59Z')
  expect(suggestedName('data', at)).toBe('data-20261106-0905')
  expect(dnsSubdomain.safeParse(suggestedName(`${'a'.repeat(199)}.b`, at)).success).toBe(true)
})
