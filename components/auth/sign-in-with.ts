import { signInErrorMessage } from '@/domain/account/sign-in-error'

/** Signs in through NextAuth. Returns null, or why not as a sentence. */
export async function signInWith(email: string, password: string): Promise<string | null> {
  const { signIn } = await import('next-auth/react')
  try {
    const result = await signIn('credentials', { email, password, redirect: false })
    if (result?.ok && !result.error) return null
    return signInErrorMessage(result?.error ?? 'internal')
  } catch {
    return 'The server cannot be reached. Check your connection and try again.'
  }
}
