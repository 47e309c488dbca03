import { expect, it } from 'vitest'
import { safeNext } from './paths'

it.each(['/t/acme/pods?q=a#b', '/account', '/?a=//b'])('goes on to %s after a sign-in', (next) => expect(safeNext(next)).toBe(next))

it.each([null, undefined, '', 'account', '//evil.example', '/\\evil.example', '/\t/evil.example', '/\n/evil.example', '\t//evil.example', '/.//evil.example', '/a/..//evil.example', 'https://evil.example', 'javascript:alert(1)', '/\\\t/evil.example', '//[', '/%09/evil.example/../..//x'])('does not follow %j', (next) => {
  expect(safeNext(next)).toBe('/')
})
