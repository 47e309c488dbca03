import { redirect } from 'next/navigation'
import { paths } from '@/components/client/paths'
import { LandingPage } from '@/components/landing/landing-page'
import { findMe } from './session'

/** Signed in: the first tenant's pods. Signed out: what this is. */
export default async function Page() {
  const me = await findMe()
  if (!me) return <LandingPage />
  const [tenant] = me.tenants
  redirect(tenant ? paths.pods(tenant.slug) : paths.account())
}
