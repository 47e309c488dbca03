'use client'
import { useRouter } from 'next/navigation'
import { z } from 'zod'
import { paths } from '@/components/client/paths'
import { useTRPCClient } from '@/components/client/trpc'
import { useForm } from '@/components/client/use-form'
import { SideForm } from '@/components/patterns/side-form'
import { Field } from '@/components/ui/field'
import { Input } from '@/components/ui/input'
import { notify } from '@/components/ui/toast'

type Values = { tenant: string; quota: string }
const schema = z.object({ tenant: z.string().trim().min(1, 'is required'), quota: z.string().trim().regex(/^(\d{1,7}|)$/, 'must be a whole number, or be empty') })

/** How many floating addresses a tenant may have, beside the list of pools. */
export function QuotaForm() {
  const api = useTRPCClient()
  const router = useRouter()
  const initial: Values = { tenant: '', quota: '' }
  const form = useForm({
    initial,
    schema,
    submit: ({ tenant, quota }) => api.addressPool.setQuota.mutate({ tenant: tenant.trim(), quota: quota.trim() === '' ? null : Number(quota) }),
    onDone: ({ tenant, used, limit }) => {
      void notify({ title: `${tenant.slug} may have ${limit.toLocaleString('en')} floating addresses`, detail: used > limit ? `It has ${used.toLocaleString('en')}, which it keeps.` : `It has ${used.toLocaleString('en')}.` })
      router.push(paths.addressPools())
    },
  })
  const { values, set, errors } = form
  const input = { mono: true, autoComplete: 'off', spellCheck: false } as const
  return (
    <SideForm title="Set quota" description="How many floating addresses a tenant may have, those of its balancers among them" submit="Set quota" back={paths.addressPools()} form={form}>
      <Field label="Tenant" hint="Its short name, as in the address of its console, or its id" error={errors['tenant']}>
        {(control) => <Input {...control} {...input} autoFocus data-autofocus value={values.tenant} onChange={(event) => set('tenant', event.target.value)} />}
      </Field>
      <Field label="Addresses" hint="Empty: as many as HYPERNETES_FLOATING_ADDRESS_QUOTA says. What it has already stays." error={errors['quota']}>
        {(control) => <Input {...control} {...input} inputMode="numeric" value={values.quota} onChange={(event) => set('quota', event.target.value)} />}
      </Field>
    </SideForm>
  )
}
