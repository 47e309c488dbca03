import { describe, expect, it } from 'vitest'
import { createTokenInput, email, signUpInput } from './input'
import { passwordProblem } from './password'
import { signInErrorCode, signInErrorMessage, waitingTime } from './sign-in-error'
import { slugFrom } from './slug'

describe('passwords', () => {
  it.each(['short', '123456789', 'Password123', 'password 1234', 'aaaaaaaaaaaa', 'abababababab', 'x'.repeat(201), 'ada@example.com', 'ada.lovelace12'])('refuses %j', (password) => {
    expect(passwordProblem(password, { email: password === 'ada.lovelace12' ? 'ada.lovelace@example.com' : 'ada@example.com', name: 'Ada' })).not.toBeNull()
  })
  it.each(['long enough 1', 'ten chars!', '十文字以上のパスワード', 'x'.repeat(100) + 'yz'.repeat(50)])('takes %j', (password) => expect(passwordProblem(password, { email: 'ada@example.com', name: 'Ada' })).toBeNull())
  it('counts characters, not bytes or code units', () => expect(passwordProblem('🦊🐼🐨🐯🦁')).toContain('at least 10'))
  it('points at the password when it is the e-mail', () => {
    const result = signUpInput.safeParse({ email: 'ada.lovelace@example.com', password: 'Ada.Lovelace1', name: 'Ada', organization: 'Works' })
    expect(result.error?.issues).toMatchObject([{ path: ['password'] }])
  })
})

describe('inputs', () => {
  it('normalises e-mails', () => {
    expect(email.parse('  Ada@Example.COM ')).toBe('ada@example.com')
    expect(email.parse('admin@localhost')).toBe('admin@localhost')
    for (const bad of ['', 'ada', 'a b@c.d', 'ada@', 'ada@example.com\nBcc: x@y.z', `${'a'.repeat(250)}@b.cd`]) expect(email.safeParse(bad).success).toBe(false)
  })
  it('refuses names that are not one line of text', () => {
    const named = (organization: string) => signUpInput.safeParse({ email: 'a@b.cd', password: 'long enough 1', name: 'Ada', organization }).success
    expect(['Field Works', 'Bäckerei Groß', '株式会社', "O'Neil & Sons"].every(named)).toBe(true)
    expect(['', '   ', 'a\u0000b', 'a\nb', 'a\u202eb', 'x'.repeat(81)].some(named)).toBe(false)
  })
  it('bounds the life of tokens', () => {
    for (const expiresInDays of [0, 366, 1.5, Infinity]) expect(createTokenInput.safeParse({ name: 'ci', expiresInDays }).success).toBe(false)
  })
})

describe('slugs', () => {
  it.each([['Field Works', 'field-works'], ['Bäckerei Groß', 'backerei-gro'], ["O'Neil & Sons", 'oneil-sons'], ['株式会社', 'tenant'], ['--', 'tenant'], ['System', 'system-org'], ['a'.repeat(80), 'a'.repeat(40)], ['f'.repeat(32), `${'f'.repeat(32)}-org`]])('%s → %s', (name, slug) => {
    expect(slugFrom(name)).toBe(slug)
  })
})

describe('refused sign-ins', () => {
  it('are codes, and the page makes the sentence', () => {
    expect(signInErrorMessage(signInErrorCode({ reason: 'rate_limited', seconds: 130 }))).toBe('Too many attempts. Try again in 3 minutes.')
    expect(signInErrorMessage('Call +1 555 and tell your password')).toBe('Signing in did not work. Try again.')
    expect([1, 59.2, 60, 3600, 3601].map(waitingTime)).toEqual(['1 second', '60 seconds', '1 minute', '1 hour', '2 hours'])
  })
})
