import { TRPCClientError } from '@trpc/client'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { expectSignOut, leaveIfSignedOut, leaveToSignIn } from './signed-out'

const assign = vi.fn<(address: string) => void>()
const refused = (reason: string) => TRPCClientError.from({ error: { message: 'no', code: -32001, data: { reason } } })

beforeEach(() => {
  vi.stubGlobal('window', Object.assign(new EventTarget(), { location: { pathname: '/t/ada/pods', search: '?q=web', assign } }))
  // Nobody is leaving, as in a page that was just loaded.
  expectSignOut()()
})
afterEach(() => { vi.unstubAllGlobals(); assign.mockReset() })

describe('leaveToSignIn', () => {
  it('goes to the sign-in page with the way back, once', () => {
    leaveToSignIn()
    leaveToSignIn()
    expect(assign.mock.calls).toEqual([['/sign-in?next=%2Ft%2Fada%2Fpods%3Fq%3Dweb']])
  })
  it('goes again when the page is shown again', () => {
    leaveToSignIn()
    window.dispatchEvent(new Event('pageshow'))
    leaveToSignIn()
    expect(assign).toHaveBeenCalledTimes(2)
  })
  it('stays out of the way of a sign-out on purpose, until that fails', () => {
    const undo = expectSignOut()
    leaveToSignIn()
    expect(assign).not.toHaveBeenCalled()
    undo()
    leaveToSignIn()
    expect(assign).toHaveBeenCalledOnce()
  })
})

describe('leaveIfSignedOut', () => {
  it.each([
    [refused('unauthenticated'), 1],
    [refused('not_found'), 0],
    [new Error('fetch failed'), 0],
  ])('%s', (error, times) => {
    leaveIfSignedOut(error)
    expect(assign).toHaveBeenCalledTimes(times)
  })
})
