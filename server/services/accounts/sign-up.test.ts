import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { networkSpec } from '@/domain/network/spec'
import { resolveScope } from '@/server/auth/authenticate'
import { defaultLimits } from '@/server/auth/rate-limits'
import { newPerson, openTestParts, signedInActor, type TestParts } from '@/server/auth/testing/test-parts'
import { findNamespace } from '@/server/store/namespaces'
import { findNetwork } from '@/server/store/networks'
import { approve, decline, listPending } from './approvals'
import { ensureFirstOperator } from './first-operator'
import { signUp } from './sign-up'
import { checkCredentials } from '@/server/auth/check-credentials'

let parts: TestParts
beforeAll(async () => void (parts = await openTestParts()))
afterAll(() => parts.close())
const client = { address: '192.0.2.7' }

describe('signUp', () => {
  it('makes an account with a tenant that is ready for a pod', async () => {
    const person = newPerson()
    const { account, tenant, pending } = await signUp(parts, person, client)
    expect({ ...account, pending }).toEqual({ id: account.id, email: person.email, name: 'Ada', operator: false, pending: false })
    expect(tenant).toMatchObject({ name: 'Field Works', role: 'admin' })
    expect(tenant.id).toMatch(/^[0-9a-f]{32}$/)
    const scope = await resolveScope(parts.db, await signedInActor(parts.db, account.id), tenant.slug)
    const network = await findNetwork(parts.db, scope!, 'default')
    expect(networkSpec.parse(network?.spec)).toMatchObject({ subnets: { default: { cidr: '10.244.0.0/16', gateway: '10.244.0.1' } }, outbound: 'nat' })
    expect((await findNamespace(parts.db, scope!, 'default'))?.spec).toEqual({})
    expect(await parts.db.auditEntry.findFirst({ where: { tenantId: tenant.id } })).toMatchObject({ action: 'account.signUp', actor: person.email, address: '192.0.2.7' })
  })

  it('gives each of two tenants of one name a slug of its own, at the same time too', async () => {
    const all = await Promise.all(Array.from({ length: 4 }, () => signUp(parts, newPerson('Same Name'), client)))
    const slugs = all.map(({ tenant }) => tenant.slug)
    expect(new Set(slugs).size).toBe(4)
    for (const slug of slugs) expect(slug).toMatch(/^same-name(-[0-9a-z]{6})?$/)
  })

  it('says at the e-mail that it is taken, and leaves nothing behind', async () => {
    const person = newPerson('Only Once')
    const results = await Promise.allSettled([signUp(parts, person, client), signUp(parts, person, client)])
    expect(results.map((r) => r.status).sort()).toEqual(['fulfilled', 'rejected'])
    expect(results.find((r) => r.status === 'rejected')).toMatchObject({ reason: { code: 'already_exists', problems: [{ path: 'email' }] } })
    expect(await parts.db.tenant.count({ where: { name: 'Only Once' } })).toBe(1)
  })

  it('is closed where the setting says so', async () => {
    await expect(signUp({ ...parts, config: { ...parts.config, signUp: 'closed' } }, newPerson(), client)).rejects.toMatchObject({ code: 'failed_precondition' })
  })

  it('is limited by address, not by person', async () => {
    const limited = { ...parts, limits: { ...defaultLimits, signUpByAddress: { points: 2, seconds: 600 } } }
    const from = { address: '198.51.100.9' }
    await signUp(limited, newPerson(), from)
    await signUp(limited, newPerson(), from)
    await expect(signUp(limited, newPerson(), from)).rejects.toMatchObject({ code: 'rate_limited', message: expect.stringMatching(/^Too many attempts. Try again in \d+ minutes\.$/) })
    await signUp(limited, newPerson(), { address: '198.51.100.10' })
  })
})

describe('approval', () => {
  it('keeps a person out until an operator lets them in', async () => {
    const guarded = { ...parts, config: { ...parts.config, signUp: 'approval' as const } }
    const operator = await signedInActor(parts.db, (await ensureOperator()).id)
    const [person, other] = [newPerson('Waiting Room'), newPerson('Never Let In')]
    const made = await signUp(guarded, person, client)
    const refused = await signUp(guarded, other, client)
    expect(made.pending).toBe(true)
    await expect(checkCredentials(parts, person, '192.0.2.8')).rejects.toMatchObject({ code: 'failed_precondition' })
    await expect(checkCredentials(parts, { ...person, password: 'not the password' }, '192.0.2.8')).rejects.toMatchObject({ code: 'unauthenticated' })
    expect((await listPending(parts.db)).accounts.map(({ email, organization }) => ({ email, organization }))).toEqual([
      { email: person.email, organization: 'Waiting Room' },
      { email: other.email, organization: 'Never Let In' },
    ])
    await approve(parts, operator, { id: made.account.id }, client)
    await decline(parts, operator, { id: refused.account.id }, client)
    expect((await checkCredentials(parts, person, '192.0.2.8')).id).toBe(made.account.id)
    expect(await parts.db.tenant.count({ where: { name: 'Never Let In' } })).toBe(0)
    expect((await listPending(parts.db)).accounts).toEqual([])
    await expect(approve(parts, operator, { id: made.account.id }, client)).rejects.toMatchObject({ code: 'not_found' })
    await expect(decline(parts, operator, { id: made.account.id }, client)).rejects.toMatchObject({ code: 'not_found' })
  })
})

const ensureOperator = async () => {
  await ensureFirstOperator(parts.db, { adminEmail: 'admin@localhost', adminPassword: undefined }, parts.keyRing)
  return parts.db.user.findFirstOrThrow({ where: { operator: true } })
}

describe('ensureFirstOperator', () => {
  let own: TestParts
  beforeAll(async () => void (own = await openTestParts()))
  afterAll(() => own.close())

  it('makes one with a password that is made up, once, however many start', async () => {
    const settings = { adminEmail: 'Admin@localhost', adminPassword: undefined }
    const results = await Promise.all([1, 2, 3].map(() => ensureFirstOperator(own.db, settings, own.keyRing)))
    expect(results.filter((r) => r.created)).toHaveLength(1)
    const made = results.find((r) => r.created)
    expect(JSON.stringify(made)).not.toContain(made!.password!.reveal())
    const user = await checkCredentials(own, { email: 'admin@localhost', password: made!.password!.reveal() }, '192.0.2.1')
    expect(user.operator).toBe(true)
    expect(await own.db.membership.count({ where: { userId: user.id, role: 'admin' } })).toBe(1)
    expect(await ensureFirstOperator(own.db, { ...settings, adminEmail: 'other@localhost' }, own.keyRing)).toEqual({ created: false, email: 'admin@localhost' })
  })
  it('takes the password of the settings, and warns of one that is too easy', async () => {
    await own.db.user.deleteMany()
    expect(await ensureFirstOperator(own.db, { adminEmail: 'root@localhost', adminPassword: 'admin' }, own.keyRing)).toEqual({ created: true, email: 'root@localhost', warning: 'HYPERNETES_ADMIN_PASSWORD must be at least 10 characters' })
    await checkCredentials(own, { email: 'root@localhost', password: 'admin' }, '192.0.2.1')
  })
  it('makes no operator of an ordinary account', async () => {
    await own.db.user.deleteMany()
    const person = newPerson()
    await signUp(own, person, client)
    await expect(ensureFirstOperator(own.db, { adminEmail: person.email, adminPassword: 'long enough 1' }, own.keyRing)).rejects.toThrow('belongs to an ordinary account')
    await expect(ensureFirstOperator(own.db, { adminEmail: 'nobody', adminPassword: undefined }, own.keyRing)).rejects.toThrow('HYPERNETES_ADMIN_EMAIL')
  })
})
