import type { Metadata } from 'next'
import { redirect } from 'next/navigation'
import { Suspense } from 'react'
import { SignInForm } from '@/components/auth/sign-in-form'
import { paths } from '@/components/client/paths'
import { findMe } from '../../session'

export const metadata: Metadata = { title: 'Sign in' }

export default async function Page() {
  if (await findMe()) redirect(paths.home())
  return <Suspense><SignInForm /></Suspense>
}
