'use client'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useRouter } from 'next/navigation'
import { paths } from '@/components/client/paths'
import { useTRPC, useTRPCClient } from '@/components/client/trpc'
import { useForm } from '@/components/client/use-form'
import { SideForm } from '@/components/patterns/side-form'
import { Field } from '@/components/ui/field'
import { Input, Select } from '@/components/ui/input'

/** A new namespace beside the list. */
export function NamespaceForm({ tenant }: { tenant: string }) {
  const api = useTRPCClient()
  const trpc = useTRPC()
  const queries = useQueryClient()
  const router = useRouter()
  const networks = useQuery(trpc.network.list.queryOptions({ tenant }))
  const form = useForm({
    initial: { name: '', network: 'default' },
    submit: ({ name, network }, requestId) => api.namespace.create.mutate({ tenant, name, ...(network !== 'default' && { network }), requestId }),
    onDone: () => {
      void queries.invalidateQueries({ queryKey: trpc.namespace.list.queryKey({ tenant }) })
      router.push(paths.namespaces(tenant))
    },
  })
  const { values, set, errors } = form
  const names = [...new Set(['default', ...(networks.data?.items ?? []).map((network) => network.metadata.name)])]
  return (
    <SideForm title="Create namespace" submit="Create namespace" back={paths.namespaces(tenant)} form={form}>
      <Field label="Name" hint="Lower-case letters, digits and dashes" error={errors['name']}>
        {(control) => <Input {...control} mono autoFocus data-autofocus value={values.name} autoComplete="off" spellCheck={false} onChange={(event) => set('name', event.target.value)} />}
      </Field>
      <Field label="Network" hint="Which network the pods of this namespace join" error={errors['network']}>
        {(control) => <Select {...control} value={values.network} onChange={(event) => set('network', event.target.value)}>{names.map((name) => <option key={name}>{name}</option>)}</Select>}
      </Field>
    </SideForm>
  )
}
