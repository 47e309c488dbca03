'use client'
import { useQueryClient } from '@tanstack/react-query'
import { useRouter } from 'next/navigation'
import { paths } from '@/components/client/paths'
import { useTRPC, useTRPCClient } from '@/components/client/trpc'
import { useForm } from '@/components/client/use-form'
import { SideForm } from '@/components/patterns/side-form'
import { Checkbox } from '@/components/ui/checkbox'
import { Field } from '@/components/ui/field'
import { Input } from '@/components/ui/input'

const initial = { name: '', cidr: '10.0.0.0/24', gateway: '', outbound: true }

/** A new network beside the list. */
export function NetworkForm({ tenant }: { tenant: string }) {
  const api = useTRPCClient()
  const trpc = useTRPC()
  const queries = useQueryClient()
  const router = useRouter()
  const form = useForm({
    initial,
    submit: ({ name, cidr, gateway, outbound }, requestId) => api.network.create.mutate({
      tenant,
      name,
      spec: { subnets: { default: { cidr, ...(gateway && { gateway }) } }, outbound: outbound ? 'nat' : 'none' },
      requestId,
    }),
    fieldOf: (path) => path.replace(/^spec\.subnets\.default\./, ''),
    onDone: (network) => {
      void queries.invalidateQueries({ queryKey: trpc.network.list.queryKey({ tenant }) })
      router.push(paths.network(tenant, network.metadata.name))
    },
  })
  const { values, set, errors } = form
  return (
    <SideForm title="Create network" description="A private network of the tenant. Its addresses may overlap with those of any other network." submit="Create network" back={paths.networks(tenant)} form={form}>
      <Field label="Name" hint="Lower-case letters, digits and dashes" error={errors['name']}>
        {(control) => <Input {...control} mono autoFocus data-autofocus value={values.name} autoComplete="off" spellCheck={false} onChange={(event) => set('name', event.target.value)} />}
      </Field>
      <Field label="Subnet" hint="IPv4, prefix length 8 to 29" error={errors['cidr']}>
        {(control) => <Input {...control} mono value={values.cidr} autoComplete="off" spellCheck={false} onChange={(event) => set('cidr', event.target.value)} />}
      </Field>
      <Field label="Gateway" optional hint="The first address of the subnet without one" error={errors['gateway']}>
        {(control) => <Input {...control} mono value={values.gateway} autoComplete="off" spellCheck={false} onChange={(event) => set('gateway', event.target.value)} />}
      </Field>
      <Checkbox label="Outbound connections" hint="Pods reach the outside through the host’s address (NAT). It can be changed later." checked={values.outbound} onChange={(event) => set('outbound', event.target.checked)} />
    </SideForm>
  )
}
