'use client'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useRouter } from 'next/navigation'
import { useState } from 'react'
import type { AddressPoolView } from '@/domain/address-pool/view'
import { formatCount } from '@/components/client/formats'
import { paths } from '@/components/client/paths'
import { useTRPC, useTRPCClient } from '@/components/client/trpc'
import { useForm } from '@/components/client/use-form'
import { SideForm } from '@/components/patterns/side-form'
import { Callout } from '@/components/ui/callout'
import { Checkbox } from '@/components/ui/checkbox'
import { Field } from '@/components/ui/field'
import { Input, Textarea } from '@/components/ui/input'
import { newPoolDraft, poolDraftOf, poolDraftSchema, poolFieldOf, poolSpecOf, type PoolDraft } from './pool-draft'

/** A new pool beside the list. */
export function PoolForm() {
  const api = useTRPCClient()
  const trpc = useTRPC()
  const queries = useQueryClient()
  const router = useRouter()
  const [initial] = useState(newPoolDraft)
  const form = useForm({
    initial,
    schema: poolDraftSchema,
    submit: (draft, requestId) => api.addressPool.create.mutate({ name: draft.name, spec: poolSpecOf(draft), requestId }),
    fieldOf: poolFieldOf,
    onDone: ({ metadata }) => {
      void queries.invalidateQueries({ queryKey: trpc.addressPool.pathKey() })
      router.push(paths.addressPool(metadata.name))
    },
  })
  const { values, set, errors } = form
  return (
    <SideForm title="Create address pool" description="Addresses that are routed or bridged to the hosts: every host must be able to answer for each of them." submit="Create address pool" back={paths.addressPools()} form={form}>
      <Field label="Name" hint="Tenants read it: lower-case letters, digits and dashes" error={errors['name']}>
        {(control) => <Input {...control} mono autoFocus data-autofocus value={values.name} autoComplete="off" spellCheck={false} onChange={(event) => set('name', event.target.value)} />}
      </Field>
      <PoolFields values={values} errors={errors} set={set} />
    </SideForm>
  )
}

/** Changes a pool beside its page. */
export function EditPool({ name }: { name: string }) {
  const { data } = useQuery(useTRPC().addressPool.get.queryOptions({ name }))
  // Where there is none, the page behind says so.
  return data ? <EditForm pool={data} /> : null
}

function EditForm({ pool }: { pool: AddressPoolView }) {
  const { name } = pool.metadata
  const api = useTRPCClient()
  const trpc = useTRPC()
  const queries = useQueryClient()
  const router = useRouter()
  // The form is of the pool as it was when the form opened: a change by somebody else meanwhile is refused by its resourceVersion.
  const [initial] = useState(() => poolDraftOf(pool.metadata, pool.spec))
  const form = useForm({
    initial,
    schema: poolDraftSchema,
    submit: (draft) => api.addressPool.update.mutate({ name, spec: poolSpecOf(draft), resourceVersion: draft.resourceVersion }),
    fieldOf: poolFieldOf,
    onDone: () => {
      void queries.invalidateQueries({ queryKey: trpc.addressPool.pathKey() })
      router.push(paths.addressPool(name))
    },
  })
  const used = pool.status.addressesUsed
  return (
    <SideForm title={`Edit ${name}`} description="A change takes effect on every host at once." submit="Save address pool" back={paths.addressPool(name)} form={form}>
      {used > 0 && <Callout tone="info" title="Tenants keep their addresses">{`${formatCount(used, 'address', 'addresses')} of it ${used === 1 ? 'is' : 'are'} given: what leaves one of them out is refused.`}</Callout>}
      <PoolFields values={form.values} errors={form.errors} set={form.set} />
    </SideForm>
  )
}

const input = { mono: true, autoComplete: 'off', spellCheck: false } as const

function PoolFields({ values, errors, set }: { values: PoolDraft; errors: Readonly<Record<string, string>>; set: <K extends keyof PoolDraft>(name: K, value: PoolDraft[K]) => void }) {
  return (
    <>
      <Field label="Subnet" hint="IPv4, prefix length 8 to 29, or IPv6, 48 to 120; no network of a tenant may overlap it" error={errors['cidr']}>
        {(control) => <Input {...control} {...input} value={values.cidr} onChange={(event) => set('cidr', event.target.value)} />}
      </Field>
      <Field label="Gateway" optional hint="The hosts’ own address in it; the first of the subnet without one" error={errors['gateway']}>
        {(control) => <Input {...control} {...input} value={values.gateway} onChange={(event) => set('gateway', event.target.value)} />}
      </Field>
      <Field label="Ranges for tenants" optional hint="A line each: first - last. Without one, the whole subnet but the gateway" error={errors['ranges']}>
        {(control) => <Textarea {...control} mono rows={3} value={values.ranges} spellCheck={false} onChange={(event) => set('ranges', event.target.value)} />}
      </Field>
      <div className="flex flex-col gap-1">
        <Checkbox label="The usual pool of its family" hint="Addresses that name no pool come from it, those of balancers among them; one pool a family." checked={values.default} onChange={(event) => set('default', event.target.checked)} />
        {errors['default'] && <p role="alert" className="text-xs text-error-content">{errors['default']}</p>}
      </div>
    </>
  )
}
