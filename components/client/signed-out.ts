import { toFailure } from './errors'
import { paths } from './paths'

/** The close code with which the server ends the sockets of a credential that has ended. */
export const signedOutCode = 4401

let leaving = false

/** The session has ended: the page asks to sign in again and comes back to where it was. Asked for once, however many notice. */
export function leaveToSignIn() {
  if (typeof window === 'undefined' || leaving) return
  leaving = true
  // The browser's Back may show this page again as it was left.
  window.addEventListener('pageshow', () => { leaving = false }, { once: true })
  window.location.assign(paths.signIn(window.location.pathname + window.location.search))
}

/** Leaves for the sign-in page if that is what the failed call says. */
export function leaveIfSignedOut(error: unknown) {
  if (toFailure(error).code === 'unauthenticated') leaveToSignIn()
}

/** Who signs out here leaves by that, without a way back. Gives the undo, for a sign-out that fails. */
export function expectSignOut(): () => void {
  leaving = true
  return () => { leaving = false }
}
