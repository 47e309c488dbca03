import { TRPCClientError } from '@trpc/client'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

const assign = vi.fn<(address: string) => void>()
const refused = (reason: string) => TRPCClientError.from({ error: { message: 'no', code: -32001, data: { reason } } })

/** The page as the browser loads it: nothing of an earlier one is left. */
const load = async () => {
  vi.resetModules()
  return import('./signed-out')
}

beforeEach(() => vi.stubGlobal('window', Object.assign(new EventTarget(), { location: { pathname: '/t/ada/pods', search: '?q=web', assign } })))
afterEach(() => { vi.unstubAllGlobals(); assign.mockReset() })

describe('leaveToSignIn', () => {
  it('goes to the sign-in page with the way back, once', async () => {
    const page = await load()
    page.leaveToSignIn()
    page.leaveToSignIn()
    expect(assign.mock.calls).toEqual([['/sign-in?next=%2Ft%2Fada%2Fpods%3Fq%3Dweb']])
  })
  it('goes again when the page is shown again', async () => {
    const page = await load()
    page.leaveToSignIn()
    window.dispatchEvent(new Event('pageshow'))
    page.leaveToSignIn()
    expect(assign).toHaveBeenCalledTimes(2)
  })
  it('stays out of the way of a sign-out on purpose, until that fails', async () => {
    const page = await load()
    const undo = page.expectSignOut()
    page.leaveToSignIn()
    expect(assign).not.toHaveBeenCalled()
    undo()
    page.leaveToSignIn()
    expect(assign).toHaveBeenCalledOnce()
  })
})

describe('leaveIfSignedOut', () => {
  it.each([
    [refused('unauthenticated'), 1],
    [refused('not_found'), 0],
    [new Error('fetch failed'), 0],
  ])('%s', async (error, times) => {
    const page = await load()
    page.leaveIfSignedOut(error)
    expect(assign).toHaveBeenCalledTimes(times)
  })
})
