import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { KeyRing } from '@/platform/crypto/key-ring'
import { Secret } from '@/platform/crypto/secret'
import { resolveScope } from '@/server/auth/authenticate'
import { newPerson, openTestParts, signedInActor, withBackground, type TestParts } from '@/server/auth/testing/test-parts'
import { inTransaction } from '@/server/store/database'
import { requestPasswordReset, resetPassword } from '../accounts/passwords'
import { signUp } from '../accounts/sign-up'
import { issueToken } from '../tokens/tokens'
import { openBody } from '../mail/send-mail'
import { openSecret, putSecret } from './secrets'

let parts: TestParts
beforeAll(async () => void (parts = await openTestParts()))
afterAll(() => parts.close())
const client = { address: '192.0.2.7' }

async function tenantScope() {
  const { account, tenant } = await signUp(parts, newPerson(), client)
  const scope = await resolveScope(parts.db, await signedInActor(parts.db, account.id), tenant.id)
  if (!scope) throw new Error('no scope')
  return scope
}
type TenantScope = Awaited<ReturnType<typeof tenantScope>>
const put = (scope: TenantScope, value: string) => inTransaction(parts.db, (tx) => putSecret(tx, parts.keyRing, scope, 'registry', new Secret(value)))

describe('a secret', () => {
  it('opens for its tenant alone', async () => {
    const [a, b] = [await tenantScope(), await tenantScope()]
    const id = await put(a, 'canary-5b1e')
    expect((await openSecret(parts.db, parts.keyRing, a, id)).reveal()).toBe('canary-5b1e')
    await expect(openSecret(parts.db, parts.keyRing, b, id)).rejects.toMatchObject({ code: 'not_found' })
  })
  it('does not open in another row, for another purpose, or with another ring', async () => {
    const [a, b] = [await tenantScope(), await tenantScope()]
    const [first, second] = [await put(a, 'first'), await put(a, 'second')]
    const { wrappedValue } = await parts.db.wrappedSecret.findUniqueOrThrow({ where: { id: second } })
    const refused = { code: 'internal' }
    await expect(openSecret(parts.db, KeyRing.ofKey('k1', randomBytes(32)), a, first)).rejects.toMatchObject(refused)
    await parts.db.wrappedSecret.update({ where: { id: first }, data: { wrappedValue } })
    await expect(openSecret(parts.db, parts.keyRing, a, first)).rejects.toMatchObject(refused)
    await parts.db.wrappedSecret.update({ where: { id: second }, data: { purpose: 'other' } })
    await expect(openSecret(parts.db, parts.keyRing, a, second)).rejects.toMatchObject(refused)
    const keyOfA = await parts.db.tenantKey.findUniqueOrThrow({ where: { tenantId: a.tenantId } })
    const ofB = await put(b, 'third')
    await parts.db.tenantKey.update({ where: { tenantId: b.tenantId }, data: { wrappedKey: keyOfA.wrappedKey } })
    await expect(openSecret(parts.db, parts.keyRing, b, ofB)).rejects.toMatchObject(refused)
  })
})

it('no canary reaches a table or the log', async () => {
  const person = { ...newPerson(), password: 'canary-password-1b7c' }
  await signUp(parts, person, client)
  const { token } = await issueToken(parts, { ...person, name: 'ci', expiresInDays: 1 }, client)
  await put(await tenantScope(), 'canary-secret-77aa')
  await withBackground((background) => requestPasswordReset(parts, { email: person.email }, client, background))
  const mail = await parts.db.mail.findFirstOrThrow({ where: { recipient: person.email } })
  const link = /token=(\w{43})$/m.exec(openBody(parts.keyRing, mail) ?? '')?.[1] ?? ''
  expect(link).toHaveLength(43)
  await expect(issueToken(parts, { ...person, password: 'canary-wrong-90de', name: 'ci', expiresInDays: 1 }, client)).rejects.toThrow()
  const failing = { ...parts, mailTransport: { send: () => Promise.reject(new Error('421 no service')) } }
  await withBackground((background) => requestPasswordReset(failing, { email: person.email }, client, background))
  await resetPassword(parts, { token: link, password: 'canary-changed-4f4f' }, client)
  const everything = `${await parts.allRows()}\n${parts.logged()}`
  expect(everything).toContain(person.email)
  expect(everything).toContain('421 no service')
  for (const canary of ['canary-', token, token.slice(14), link]) expect(everything).not.toContain(canary)
})
