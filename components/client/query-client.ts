import { defaultShouldDehydrateQuery, QueryCache, QueryClient } from '@tanstack/react-query'
import { leaveIfSignedOut } from './signed-out'

/** Pages are told of changes, so what is cached stays fresh for 30 s; a refusal is not asked again. */
export const makeQueryClient = () => new QueryClient({
  queryCache: new QueryCache({ onError: leaveIfSignedOut }),
  defaultOptions: {
    queries: { staleTime: 30_000, retry: (failures, error) => failures < 2 && !isRefusal(error), refetchOnWindowFocus: true },
    dehydrate: { shouldDehydrateQuery: (query) => defaultShouldDehydrateQuery(query) || query.state.status === 'pending' },
  },
})

function isRefusal(error: unknown): boolean {
  const status = error instanceof Error && 'data' in error && error.data instanceof Object && 'httpStatus' in error.data ? error.data.httpStatus : undefined
  return typeof status === 'number' && status < 500
}
