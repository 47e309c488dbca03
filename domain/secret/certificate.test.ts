import { expect, it } from 'vitest'
import { expiryProblem } from './certificate'

it('a certificate is warned of for thirty days, and told when its time is over', () => {
  const times = { notBefore: '2026-01-01T00:00:00.000Z', notAfter: '2026-04-01T00:00:00.000Z' }
  const at = (time: string) => expiryProblem(times, new Date(time))
  expect(at('2025-12-31T00:00:00Z')).toContain('is not valid before 2026-01-01')
  expect(at('2026-03-01T00:00:00Z')).toBeNull()
  expect(at('2026-03-02T12:00:00Z')).toContain('expires in 29 days')
  expect(at('2026-03-30T12:00:00Z')).toContain('expires in 1 day,')
  expect(at('2026-03-31T12:00:00Z')).toContain('expires today')
  expect(at('2026-04-01T00:00:00Z')).toContain('expired at 2026-04-01')
})
