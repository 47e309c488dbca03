import { describe, expect, it } from 'vitest'
import { cookieCounts, isOwnPage } from './own-page'

const own = 'https://console.example'
const foreign: Record<string, string>[] = [{ origin: 'https://evil.example' }, { origin: 'null' }, { origin: 'http://console.example' }, { origin: `${own}:8443` }, { 'sec-fetch-site': 'cross-site' }, { 'sec-fetch-site': 'same-site' }, { 'sec-fetch-site': 'anything' }, { origin: 'https://evil.example', 'sec-fetch-site': 'same-origin' }]
const lookedAt: Record<string, string>[] = [{}, { 'sec-fetch-site': 'same-origin' }, { 'sec-fetch-site': 'none' }]

it.each(foreign)('another site’s page is none of ours: %o', (headers) => {
  expect([isOwnPage({ headers }, own, 'said'), isOwnPage({ headers }, own, 'not denied')]).toEqual([false, false])
})
it.each(lookedAt)('a request without an Origin is one where nothing needs it: %o', (headers) => {
  expect([isOwnPage({ headers }, own, 'said'), isOwnPage({ headers }, own, 'not denied')]).toEqual([false, true])
})

describe('a cookie', () => {
  it.each([['GET', {}], ['HEAD', {}], ['POST', {}], ['PUT', {}], ['GET', { upgrade: 'websocket' }]] as const)('counts with our Origin and with no other, at %s %o', (method, headers) => {
    expect(cookieCounts({ method, headers: { ...headers, origin: own } }, `${own}/`)).toBe(true)
    for (const each of foreign) expect(cookieCounts({ method, headers: { ...headers, ...each } }, own)).toBe(false)
  })
  it.each([['POST', {}], ['PUT', {}], ['GET', { upgrade: 'websocket' }]] as const)('does not count without one, at %s %o', (method, headers) => {
    for (const each of lookedAt) expect(cookieCounts({ method, headers: { ...headers, ...each } }, own)).toBe(false)
  })
  it('counts where something is read and no other site asks', () => {
    for (const headers of lookedAt) expect(cookieCounts({ method: 'GET', headers }, own)).toBe(true)
  })
})
