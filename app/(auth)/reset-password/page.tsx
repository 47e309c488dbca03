import type { Metadata } from 'next'
import { Suspense } from 'react'
import { ResetPasswordForm } from '@/components/auth/reset-password-form'

/** The address holds a secret: it is told to nobody. */
export const metadata: Metadata = { title: 'Choose a new password', referrer: 'no-referrer', robots: { index: false } }

export default function Page() {
  return <Suspense><ResetPasswordForm /></Suspense>
}
