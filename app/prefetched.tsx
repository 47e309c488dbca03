import { dehydrate, HydrationBoundary } from '@tanstack/react-query'
import { createTRPCClient } from '@trpc/client'
import { createTRPCOptionsProxy } from '@trpc/tanstack-react-query'
import type { ReactNode } from 'react'
import { makeQueryClient } from '@/components/client/query-client'
import type { AppRouter } from '@/server/api/root'

/** Only for the keys under which the browser keeps answers; nothing is called through it. */
const keys = createTRPCOptionsProxy<AppRouter>({ client: createTRPCClient<AppRouter>({ links: [] }), queryClient: makeQueryClient() })

type Answer = { key: (api: typeof keys) => readonly unknown[]; data: unknown }

/** Hands answers that the server has already to the queries of the page below, which then need not ask. */
export function Prefetched({ answers, children }: { answers: readonly Answer[]; children: ReactNode }) {
  const client = makeQueryClient()
  for (const { key, data } of answers) if (data !== undefined) client.setQueryData(key(keys), data)
  return <HydrationBoundary state={dehydrate(client)}>{children}</HydrationBoundary>
}
