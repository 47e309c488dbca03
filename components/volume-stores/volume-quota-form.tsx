'use client'
import { useQuery } from '@tanstack/react-query'
import Link from 'next/link'
import { useRouter } from 'next/navigation'
import { z } from 'zod'
import type { TenantVolumeQuota } from '@/domain/volume/offer'
import { isMissing } from '@/components/client/errors'
import { formatBytes, formatCount } from '@/components/client/formats'
import { paths } from '@/components/client/paths'
import { useQueryString } from '@/components/client/query-string'
import { useTRPC, useTRPCClient } from '@/components/client/trpc'
import { useForm } from '@/components/client/use-form'
import { QueryFailure } from '@/components/patterns/failure'
import { SideForm } from '@/components/patterns/side-form'
import { Field } from '@/components/ui/field'
import { Input } from '@/components/ui/input'
import { SidePanel } from '@/components/ui/side-panel'
import { Skeleton } from '@/components/ui/skeleton'
import { notify } from '@/components/ui/toast'
import { draftOf, quotaDraft, quotaHint, wishOf, type QuotaKind } from './quota-draft'

const title = 'Set quota'
const description = 'How much a tenant may have of volumes. What it has already stays.'
const input = { mono: true, autoComplete: 'off', spellCheck: false } as const

/** How much a tenant may have of volumes, beside the list of stores: whose it is stands in the address. */
export function VolumeQuotaForm() {
  const tenant = useQueryString().get('tenant')
  return tenant === '' ? <WhoseQuota /> : <QuotaOf key={tenant} tenant={tenant} />
}

function WhoseQuota() {
  const api = useTRPCClient()
  const router = useRouter()
  const form = useForm({
    initial: { tenant: '' },
    schema: z.object({ tenant: z.string().trim().min(1, 'is required').max(64, 'is no tenant’s name') }),
    submit: ({ tenant }) => api.volume.quotaOf.query({ tenant: tenant.trim() }),
    onDone: ({ tenant }) => router.replace(paths.volumeQuota({ tenant: tenant.slug })),
  })
  return (
    <SideForm title={title} description={description} submit="Show quota" back={paths.volumeStores()} form={form}>
      <Field label="Tenant" hint="Its short name, as in the address of its console, or its id" error={form.errors['tenant']}>
        {(control) => <Input {...control} {...input} autoFocus data-autofocus value={form.values.tenant} onChange={(event) => form.set('tenant', event.target.value)} />}
      </Field>
    </SideForm>
  )
}

function QuotaOf({ tenant }: { tenant: string }) {
  const router = useRouter()
  const quota = useQuery({ ...useTRPC().volume.quotaOf.queryOptions({ tenant }), refetchOnWindowFocus: false, staleTime: 0 })
  if (quota.data && quota.isFetchedAfterMount) return <QuotaFields quota={quota.data} />
  return (
    <SidePanel title={title} description={description} onClose={() => router.push(paths.volumeStores(), { scroll: false })}>
      {quota.error
        ? <QueryFailure error={quota.error} title={isMissing(quota.error) ? `No tenant “${tenant}”` : `The quota of ${tenant} cannot be shown`} onRetry={() => void quota.refetch()} />
        : <div aria-busy className="flex flex-col gap-4"><Skeleton className="h-8 w-full" /><Skeleton className="h-8 w-full" /><Skeleton className="h-8 w-full" /></div>}
    </SidePanel>
  )
}

const fields: ReadonlyArray<{ kind: QuotaKind; label: string; numeric: boolean }> = [{ kind: 'volumes', label: 'Volumes', numeric: true }, { kind: 'bytes', label: 'Size of all together', numeric: false }, { kind: 'snapshots', label: 'Snapshots', numeric: true }]

/** Begins with what was said of the tenant so far. */
function QuotaFields({ quota }: { quota: TenantVolumeQuota }) {
  const api = useTRPCClient()
  const router = useRouter()
  const { slug, name } = quota.tenant
  const form = useForm({
    initial: draftOf(quota),
    schema: quotaDraft,
    submit: (draft) => api.volume.setQuota.mutate({ tenant: quota.tenant.id, ...wishOf(draft) }),
    onDone: ({ tenant, quota: { volumes, bytes, snapshots } }) => {
      void notify({ title: `${tenant.slug} may have ${formatCount(volumes.limit, 'volume')} of ${formatBytes(bytes.limit)} together, and ${formatCount(snapshots.limit, 'snapshot')}`, detail: `It has ${volumes.used.toLocaleString('en')} of ${formatBytes(bytes.used)}, and ${formatCount(snapshots.used, 'snapshot')}; what it has stays.` })
      router.push(paths.volumeStores())
    },
  })
  return (
    <SideForm title={title} description={description} submit="Set quota" back={paths.volumeStores()} form={form}>
      <p className="flex flex-wrap items-baseline justify-between gap-x-3 text-sm">
        <span>Of <span className="font-medium">{slug}</span> {name !== slug && <span className="text-faint">{name}</span>}</span>
        <Link href={paths.volumeQuota()} className="inline-flex min-h-6 items-center text-accent-content hover:underline">Another tenant</Link>
      </p>
      {fields.map(({ kind, label, numeric }) => {
        const { use, over } = quotaHint(quota, kind, form.values[kind])
        return (
          <Field key={kind} label={label} hint={<>{use}{over !== null && <span className="mt-1 block text-notice-content">{over}</span>}</>} error={form.errors[kind]}>
            {(control) => <Input {...control} {...input} {...(kind === 'volumes' && { autoFocus: true, 'data-autofocus': true })} inputMode={numeric ? 'numeric' : 'text'} value={form.values[kind]} onChange={(event) => form.set(kind, event.target.value)} />}
          </Field>
        )
      })}
    </SideForm>
  )
}
