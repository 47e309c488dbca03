'use client'
import { QueryClientProvider, type QueryClient } from '@tanstack/react-query'
import { createTRPCClient, createWSClient, httpBatchLink, splitLink, wsLink } from '@trpc/client'
import { createTRPCContext } from '@trpc/tanstack-react-query'
import { useState, type ReactNode } from 'react'
import type { AppRouter } from '@/server/api/root'
import { setConnection } from './connection'
import { makeQueryClient } from './query-client'
import { leaveIfSignedOut, leaveToSignIn, signedOutCode } from './signed-out'

export const { TRPCProvider, useTRPC, useTRPCClient } = createTRPCContext<AppRouter>()

let browserQueries: QueryClient | undefined
const queries = () => (typeof window === 'undefined' ? makeQueryClient() : (browserQueries ??= makeQueryClient()))

const origin = () => (typeof window === 'undefined' ? 'http://localhost' : window.location.origin)

/** Subscriptions share one WebSocket, opened with the first of them and closed 5 s after the last. */
function makeClient() {
  let opened = false
  const socket = createWSClient({
    url: () => `${origin().replace(/^http/, 'ws')}/ws/trpc`,
    lazy: { enabled: true, closeMs: 5_000 },
    keepAlive: { enabled: true, intervalMs: 15_000, pongTimeoutMs: 5_000 },
    retryDelayMs: (attempt) => (attempt === 0 ? 0 : Math.min(500 * 2 ** attempt, 10_000)),
    onOpen: () => {
      opened = true
      setConnection({ state: 'live' })
    },
    onClose: (cause) => {
      setConnection(cause?.code === 1000 ? { state: 'idle' } : { state: 'lost', since: Date.now() })
      if (cause?.code === signedOutCode) leaveToSignIn()
      // A browser is not told why a WebSocket was refused; an ordinary request is.
      else if (!opened) void client.account.me.query().catch(leaveIfSignedOut)
      opened = false
    },
  })
  const client = createTRPCClient<AppRouter>({
    links: [
      splitLink({
        condition: (operation) => operation.type === 'subscription',
        true: wsLink({ client: socket }),
        false: httpBatchLink({ url: `${origin()}/api/trpc`, maxURLLength: 2000, maxItems: 40 }),
      }),
    ],
  })
  return client
}

/** The API and its cache for everything below. */
export function ApiProvider({ children }: { children: ReactNode }) {
  const queryClient = queries()
  const [client] = useState(makeClient)
  return (
    <QueryClientProvider client={queryClient}>
      <TRPCProvider trpcClient={client} queryClient={queryClient}>{children}</TRPCProvider>
    </QueryClientProvider>
  )
}
