import type { Metadata } from 'next'
import { redirect } from 'next/navigation'
import { Suspense } from 'react'
import { ForgotPasswordForm } from '@/components/auth/forgot-password-form'
import { paths } from '@/components/client/paths'
import { findMe } from '../../session'

export const metadata: Metadata = { title: 'Reset your password' }

export default async function Page() {
  if (await findMe()) redirect(paths.home())
  return <Suspense><ForgotPasswordForm /></Suspense>
}
