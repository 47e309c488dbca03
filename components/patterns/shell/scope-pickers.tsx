'use client'
import { useQuery } from '@tanstack/react-query'
import { ChevronsUpDown, Plus } from 'lucide-react'
import { useParams, usePathname, useSearchParams } from 'next/navigation'
import type { TenantSummary } from '@/domain/tenant/view'
import { paths } from '@/components/client/paths'
import { useTRPC } from '@/components/client/trpc'
import { Menu, type MenuItem } from '@/components/ui/menu'

const pickerClass = 'inline-flex h-7 min-w-0 items-center gap-1.5 rounded-md px-1.5 text-sm hover:bg-hover aria-expanded:bg-hover'

/** The tenant in whose scope the page stands. */
export function TenantPicker({ tenants, current }: { tenants: readonly TenantSummary[]; current: TenantSummary }) {
  const entries: MenuItem[] = [
    { kind: 'heading', id: 'heading', label: 'Tenants' },
    ...tenants.map((tenant) => ({ id: tenant.id, label: tenant.name, hint: tenant.slug, href: paths.pods(tenant.slug), checked: tenant.id === current.id })),
  ]
  return (
    <Menu
      label="Tenants"
      entries={entries}
      trigger={(props) => (
        <button type="button" {...props} aria-label={`Tenant ${current.name}`} className={pickerClass}>
          <span aria-hidden className="flex size-5 shrink-0 items-center justify-center rounded-sm bg-accent-soft text-2xs font-semibold uppercase text-accent-content">{current.name.slice(0, 1)}</span>
          <span className="max-w-40 truncate font-medium">{current.name}</span>
          <ChevronsUpDown className="size-3.5 shrink-0 text-faint" aria-hidden />
        </button>
      )}
    />
  )
}

/** The namespace: of the pod that is shown, or the filter of the list. */
export function NamespacePicker({ tenant }: { tenant: string }) {
  const trpc = useTRPC()
  const params = useParams<{ namespace?: string }>()
  const search = useSearchParams()
  const pathname = usePathname()
  const namespaces = useQuery(trpc.namespace.list.queryOptions({ tenant }))
  const chosen = params.namespace ? decodeURIComponent(params.namespace) : (pathname === paths.pods(tenant) ? search.get('namespace') : null)
  const to = (namespace?: string) => paths.pods(tenant, { namespace, ...(pathname === paths.pods(tenant) && { q: search.get('q') ?? undefined, state: search.get('state') ?? undefined }) })
  const entries: MenuItem[] = [
    { id: 'all', label: 'All namespaces', href: to(), checked: !chosen },
    { kind: 'separator', id: 'names' },
    ...(namespaces.data?.items ?? []).map(({ metadata: { uid, name } }) => ({ id: uid, label: name, href: to(name), checked: name === chosen })),
    { kind: 'separator', id: 'new' },
    { id: 'create', label: 'Create namespace', icon: <Plus />, href: paths.newNamespace(tenant) },
  ]
  return (
    <Menu
      label="Namespaces"
      entries={entries}
      trigger={(props) => (
        <button type="button" {...props} aria-label={`Namespace ${chosen ?? 'all'}`} className={pickerClass}>
          <span className="max-w-40 truncate text-soft">{chosen ?? 'All namespaces'}</span>
          <ChevronsUpDown className="size-3.5 shrink-0 text-faint" aria-hidden />
        </button>
      )}
    />
  )
}
