import { afterAll, beforeAll, expect, it } from 'vitest'
import { defaultLimits, RateLimits } from './rate-limits'
import { openTestParts, type TestParts } from './testing/test-parts'

let parts: TestParts
beforeAll(async () => void (parts = await openTestParts()))
afterAll(() => parts.close())

it('a lock does not last for longer than it was given where the clock was set back since', async () => {
  const limits = new RateLimits(parts.db, { ...defaultLimits, signUpByAddress: { points: 1, seconds: 600 } })
  const attempt = () => limits.consume('signUpByAddress', '192.0.2.5')
  await attempt()
  await expect(attempt()).rejects.toMatchObject({ code: 'rate_limited' })
  // As the row looks after the clock was set back by a day.
  await parts.db.rateLimit.updateMany({ data: { expire: new Date(Date.now() + 86_400_000) } })
  await attempt()
  await expect(attempt()).rejects.toMatchObject({ code: 'rate_limited' })
  const [row] = await parts.db.rateLimit.findMany()
  expect(row?.expire?.getTime()).toBeLessThan(Date.now() + 601_000)
})
