import type { Metadata } from 'next'
import { redirect } from 'next/navigation'
import { Suspense } from 'react'
import { SignUpForm } from '@/components/auth/sign-up-form'
import { paths } from '@/components/client/paths'
import { findMe } from '../../session'

export const metadata: Metadata = { title: 'Create an account' }

export default async function Page() {
  if (await findMe()) redirect(paths.home())
  return <Suspense><SignUpForm /></Suspense>
}
