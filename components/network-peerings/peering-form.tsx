'use client'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useRouter } from 'next/navigation'
import { paths } from '@/components/client/paths'
import { useTRPC, useTRPCClient } from '@/components/client/trpc'
import { useForm } from '@/components/client/use-form'
import { SideForm } from '@/components/patterns/side-form'
import { Callout } from '@/components/ui/callout'
import { Combobox } from '@/components/ui/combobox'
import { Field } from '@/components/ui/field'
import { Input } from '@/components/ui/input'
import { Segmented } from '@/components/ui/segmented'

const fields: Readonly<Record<string, string>> = { 'spec.peer.network': 'network', 'spec.peer.tenant': 'peerTenant', 'spec.peer': 'network' }
type Values = { name: string; whose: 'own' | 'other'; peerTenant: string; network: string }

/** A new peering of a network, beside its list. */
export function PeeringForm({ tenant, network }: { tenant: string; network: string }) {
  const api = useTRPCClient()
  const trpc = useTRPC()
  const queries = useQueryClient()
  const router = useRouter()
  const networks = useQuery(trpc.network.list.queryOptions({ tenant }))
  const initial: Values = { name: '', whose: 'own', peerTenant: '', network: '' }
  const form = useForm({
    initial,
    submit: ({ name, whose, peerTenant, network: peer }, requestId) => api.networkPeering.create.mutate({ tenant, name, spec: { network, peer: { network: peer, ...(whose === 'other' && { tenant: peerTenant.trim() }) } }, requestId }),
    fieldOf: (path) => fields[path] ?? path,
    onDone: () => {
      void queries.invalidateQueries({ queryKey: trpc.networkPeering.pathKey() })
      router.push(paths.networkPeerings(tenant, network))
    },
  })
  const { values, set, errors } = form
  const others = (networks.data?.items ?? []).map(({ metadata }) => metadata.name).filter((name) => name !== network)
  return (
    <SideForm title="Create peering" description={`Of network ${network} with another`} submit="Create peering" back={paths.networkPeerings(tenant, network)} form={form}>
      <Field label="Name" hint="Lower-case letters, digits and dashes" error={errors['name']}>
        {(control) => <Input {...control} mono autoFocus data-autofocus value={values.name} autoComplete="off" spellCheck={false} onChange={(event) => set('name', event.target.value)} />}
      </Field>
      <Segmented label="Whose network" value={values.whose} onChange={(next) => set('whose', next)} options={[{ value: 'own', label: 'Of this tenant' }, { value: 'other', label: 'Of another tenant' }]} />
      {values.whose === 'other' && (
        <Field label="Tenant" hint="Its short name, as in the address of its console, or its id" error={errors['peerTenant']}>
          {(control) => <Input {...control} mono value={values.peerTenant} autoComplete="off" spellCheck={false} onChange={(event) => set('peerTenant', event.target.value)} />}
        </Field>
      )}
      <Field label="Network" hint="No subnet of it may overlap one of this network" error={errors['network']}>
        {(control) => <Combobox {...control} mono value={values.network} onChange={(next) => set('network', next)} options={values.whose === 'own' ? others.map((value) => ({ value })) : []} />}
      </Field>
      {values.whose === 'other' && <Callout tone="info" title="Both sides must agree">Somebody of the other tenant creates a peering there that names this tenant and <code className="font-mono text-xs">{network}</code>. Until then nothing passes.</Callout>}
    </SideForm>
  )
}
