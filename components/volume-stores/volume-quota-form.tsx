'use client'
import { useRouter } from 'next/navigation'
import { z } from 'zod'
import { parseBytes } from '@/domain/shared/quantity'
import { formatBytes, formatCount } from '@/components/client/formats'
import { paths } from '@/components/client/paths'
import { useTRPCClient } from '@/components/client/trpc'
import { useForm } from '@/components/client/use-form'
import { SideForm } from '@/components/patterns/side-form'
import { Field } from '@/components/ui/field'
import { Input } from '@/components/ui/input'
import { notify } from '@/components/ui/toast'

const count = z.string().trim().regex(/^(\d{1,6}|)$/, 'must be a whole number, or be empty')
const schema = z.object({ tenant: z.string().trim().min(1, 'is required'), volumes: count, bytes: z.string().trim().refine((text) => text === '' || parseBytes(text) !== null, 'must be a quantity, such as "500Gi", or be empty'), snapshots: count })
const initial = { tenant: '', volumes: '', bytes: '', snapshots: '' }

/** How much a tenant may have of volumes, beside the list of stores. */
export function VolumeQuotaForm() {
  const api = useTRPCClient()
  const router = useRouter()
  const number = (text: string) => (text.trim() === '' ? null : Number(text))
  const form = useForm({
    initial,
    schema,
    submit: ({ tenant, volumes, bytes, snapshots }) => api.volume.setQuota.mutate({ tenant: tenant.trim(), volumes: number(volumes), bytes: parseBytes(bytes.trim()), snapshots: number(snapshots) }),
    onDone: ({ tenant, quota }) => {
      void notify({ title: `${tenant.slug} may have ${formatCount(quota.volumes.limit, 'volume')} of ${formatBytes(quota.bytes.limit)} together, and ${formatCount(quota.snapshots.limit, 'snapshot')}`, detail: `It has ${quota.volumes.used.toLocaleString('en')} of ${formatBytes(quota.bytes.used)}, and ${formatCount(quota.snapshots.used, 'snapshot')}; what it has stays.` })
      router.push(paths.volumeStores())
    },
  })
  const { values, set, errors } = form
  const input = { mono: true, autoComplete: 'off', spellCheck: false } as const
  const asSaid = 'Empty: as much as the platform’s setting says'
  return (
    <SideForm title="Set quota" description="How much a tenant may have of volumes. What it has already stays." submit="Set quota" back={paths.volumeStores()} form={form}>
      <Field label="Tenant" hint="Its short name, as in the address of its console, or its id" error={errors['tenant']}>
        {(control) => <Input {...control} {...input} autoFocus data-autofocus value={values.tenant} onChange={(event) => set('tenant', event.target.value)} />}
      </Field>
      <Field label="Volumes" hint={asSaid} error={errors['volumes']}>
        {(control) => <Input {...control} {...input} inputMode="numeric" value={values.volumes} onChange={(event) => set('volumes', event.target.value)} />}
      </Field>
      <Field label="Size of all together" hint={`${asSaid}; such as 500Gi`} error={errors['bytes']}>
        {(control) => <Input {...control} {...input} value={values.bytes} onChange={(event) => set('bytes', event.target.value)} />}
      </Field>
      <Field label="Snapshots" hint={asSaid} error={errors['snapshots']}>
        {(control) => <Input {...control} {...input} inputMode="numeric" value={values.snapshots} onChange={(event) => set('snapshots', event.target.value)} />}
      </Field>
    </SideForm>
  )
}
