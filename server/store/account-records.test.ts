import { afterAll, beforeAll, expect, it } from 'vitest'
import { newPerson, openTestParts, signedInActor, type TestParts } from '@/server/auth/testing/test-parts'
import { signUp } from '@/server/services/accounts/sign-up'
import { issueToken } from '@/server/services/tokens/tokens'
import { pruneAccountRecords } from './account-records'

let parts: TestParts
beforeAll(async () => void (parts = await openTestParts()))
afterAll(() => parts.close())

it('removes what ended long ago and keeps what is in use', async () => {
  const client = { address: '192.0.2.7' }
  const person = newPerson()
  const { account } = await signUp(parts, person, client)
  const [kept, gone] = [await signedInActor(parts.db, account.id), await signedInActor(parts.db, account.id)]
  const token = await issueToken(parts, { email: person.email, password: person.password, name: 'ci', expiresInDays: 1 }, client)
  await parts.db.mail.createMany({ data: [{ recipient: 'new', subject: '', wrappedBody: '' }, { recipient: 'old', subject: '', wrappedBody: '', createdAt: new Date(Date.now() - 31 * 86_400_000) }] })
  await parts.db.session.update({ where: { id: gone.credentialId }, data: { revokedAt: new Date(Date.now() - 31 * 86_400_000) } })
  await parts.db.rateLimit.create({ data: { key: 'over', points: 1, expire: new Date(Date.now() - 1000) } })
  const limits = await parts.db.rateLimit.count()
  expect(await pruneAccountRecords(parts.db)).toBe(3)
  expect(await pruneAccountRecords(parts.db)).toBe(0)
  expect(await parts.db.rateLimit.count()).toBe(limits - 1)
  expect((await parts.db.session.findMany()).map((s) => s.id)).toEqual([kept.credentialId])
  expect((await parts.db.apiToken.findMany()).map((t) => t.id)).toEqual([token.id])
  expect((await parts.db.mail.findMany()).map((m) => m.recipient)).toEqual(['new'])
})
