/**
 * Why a sign-in was refused, in the form in which NextAuth hands it to the page (`?error=`). It is a code and not a
 * text, since anybody can write a link to the sign-in page.
 */
export type SignInRefusal = { reason: 'wrong' } | { reason: 'pending' } | { reason: 'disabled' } | { reason: 'rate_limited'; seconds: number } | { reason: 'internal' }

export const signInErrorCode = (refusal: SignInRefusal): string => (refusal.reason === 'rate_limited' ? `rate_limited.${refusal.seconds}` : refusal.reason)

/** The sentence for a person. Codes that are not ours are NextAuth's own, such as `CredentialsSignin`. */
export function signInErrorMessage(code: string): string {
  const limited = /^rate_limited\.(\d{1,6})$/.exec(code)
  if (limited) return `Too many attempts. Try again in ${waitingTime(Number(limited[1]))}.`
  if (code === 'wrong' || code === 'CredentialsSignin') return 'The e-mail or the password is wrong.'
  if (code === 'pending') return 'This account waits for an operator to approve it.'
  if (code === 'disabled') return 'This account is disabled. Ask the operator.'
  if (code === 'SessionRequired') return 'Sign in first.'
  return 'Signing in did not work. Try again.'
}

/** Seconds as a person reads them, rounded up: `45 seconds`, `3 minutes`, `1 hour`. */
export function waitingTime(seconds: number): string {
  const [amount, unit] = seconds < 60 ? [Math.max(1, Math.ceil(seconds)), 'second'] : seconds < 3600 ? [Math.ceil(seconds / 60), 'minute'] : [Math.ceil(seconds / 3600), 'hour']
  return `${amount} ${unit}${amount === 1 ? '' : 's'}`
}
