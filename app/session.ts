import { notFound, redirect } from 'next/navigation'
import { cache } from 'react'
import type { MeView } from '@/domain/account/view'
import type { TenantSummary } from '@/domain/tenant/view'
import { paths } from '@/components/client/paths'
import { serverCaller } from '@/server/api/caller'

/** Errors of the server's own module graph are told by their code. */
const codeOf = (error: unknown): unknown => (error instanceof Error && 'code' in error ? error.code : undefined)

/** Who is signed in; null for nobody. Asked once a request. */
export const findMe = cache(async (): Promise<MeView | null> => {
  const caller = await serverCaller()
  try {
    return await caller.account.me()
  } catch (error) {
    if (codeOf(error) === 'UNAUTHORIZED') return null
    throw error
  }
})

/** Who is signed in; others sign in first and come back to `here`. */
export async function requireMe(here: string): Promise<MeView> {
  return (await findMe()) ?? redirect(paths.signIn(here))
}

/** The tenant of the address; one that does not exist and one of others are both 404. */
export async function requireTenant(encoded: string, here: (slug: string) => string): Promise<{ me: MeView; tenant: TenantSummary }> {
  const slug = decodeURIComponent(encoded)
  const me = await requireMe(here(slug))
  const tenant = me.tenants.find((each) => each.slug === slug)
  return tenant ? { me, tenant } : notFound()
}

/** For others than operators these pages do not exist. */
export async function requireOperator(here: string): Promise<MeView> {
  const me = await requireMe(here)
  return me.user.operator ? me : notFound()
}

/** What a page needs from the start; missing is 404, anything else is left for the page in the browser to ask and tell. */
export async function read<T>(ask: (caller: Awaited<ReturnType<typeof serverCaller>>) => Promise<T>): Promise<T | undefined> {
  const caller = await serverCaller()
  try {
    return await ask(caller)
  } catch (error) {
    if (codeOf(error) === 'NOT_FOUND') notFound()
    if (codeOf(error) === 'UNAUTHORIZED') redirect(paths.signIn())
    return undefined
  }
}
