import { useQueryClient } from '@tanstack/react-query'
import { useRouter } from 'next/navigation'
import { paths } from '@/components/client/paths'
import { useTRPC } from '@/components/client/trpc'

/** After a form has changed a volume: what is shown of it is read anew, and its page is shown. */
export function useAfterChange(tenant: string): (name: string) => void {
  const trpc = useTRPC()
  const queries = useQueryClient()
  const router = useRouter()
  return (name) => {
    void queries.invalidateQueries({ queryKey: trpc.volume.pathKey() })
    router.push(paths.volume(tenant, name))
  }
}
