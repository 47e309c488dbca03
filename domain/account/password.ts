import { z } from 'zod'

export const passwordLength = { min: 10, max: 200 } as const

/** Passwords of ten characters and more that stand near the top of lists of leaked ones; shorter ones the length refuses. */
const common = new Set([
  '1234567890', '0123456789', '12345678910', '1234567891', '123456789a', '1234567890a', '0987654321', '9876543210', '1q2w3e4r5t', '1q2w3e4r5t6y', '1qaz2wsx3edc',
  'qwertyuiop', 'qwerty1234', 'qwerty12345', 'qwerty123456', 'asdfghjkl1', 'zxcvbnm123', 'abcdefghij', 'abcd123456', 'abc1234567', 'a123456789', 'aa12345678',
  'password12', 'password123', 'password1234', 'password12345', 'password01', 'passw0rd123', 'p@ssw0rd123', 'p@ssword123', 'passwordpassword', 'mypassword', 'newpassword',
  'changeme123', 'changemenow', 'letmein123', 'letmein1234', 'welcome123', 'welcome1234', 'administrator', 'admin12345', 'admin123456', 'adminadmin', 'rootrootroot', 'default123',
  'iloveyou12', 'iloveyou123', 'sunshine123', 'princess123', 'football123', 'baseball123', 'superman123', 'michael123', 'liverpool1', 'basketball', 'trustno1trustno1',
  'hypernetes', 'hypernetes1', 'hypernetes123', 'kubernetes', 'kubernetes1', 'kubernetes123', 'correcthorsebatterystaple',
])

/** Unicode's compatibility form (NIST SP 800-63B): the same password typed on two keyboards hashes alike. */
export const normalisePassword = (password: string): string => password.normalize('NFKC')

/**
 * What is wrong with a new password, or null. Length is the rule; besides it only passwords that a guesser tries first
 * are refused: common ones, one or two characters repeated, and the person's own e-mail or name.
 */
export function passwordProblem(password: string, person: { email?: string; name?: string } = {}): string | null {
  const normal = normalisePassword(password)
  const length = [...normal].length
  if (length < passwordLength.min) return `must be at least ${passwordLength.min} characters`
  if (length > passwordLength.max) return `must be at most ${passwordLength.max} characters`
  const lower = normal.toLowerCase()
  if (common.has(lower.replace(/\s/g, ''))) return 'is one that everybody tries first: choose another'
  if (new Set(lower).size <= 2) return 'repeats one or two characters: choose another'
  const email = person.email?.trim().toLowerCase() ?? ''
  const own = [email, email.split('@')[0] ?? '', person.name?.trim().toLowerCase() ?? ''].filter((text) => text.length >= 4)
  if (own.some((text) => lower.replaceAll(text, '').length < 4)) return 'is your e-mail or name: choose another'
  return null
}

/** A new password. Where e-mail or name are known too, {@link refuseOwnPassword} says more. */
export const newPassword = z.string().superRefine((password, ctx) => {
  const problem = passwordProblem(password)
  if (problem) ctx.addIssue({ code: 'custom', message: problem })
})

/** For an object with `password` and the person's e-mail and name: refuses a password made of them, at its own path. */
export function refuseOwnPassword(input: { password: string; email: string; name: string }, ctx: z.RefinementCtx): void {
  const problem = passwordProblem(input.password) ? null : passwordProblem(input.password, input)
  if (problem) ctx.addIssue({ code: 'custom', path: ['password'], message: problem })
}
