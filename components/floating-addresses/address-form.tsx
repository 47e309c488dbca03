'use client'
import { useQueryClient } from '@tanstack/react-query'
import { useRouter } from 'next/navigation'
import { useState } from 'react'
import { paths } from '@/components/client/paths'
import { useQueryString } from '@/components/client/query-string'
import { useTRPC, useTRPCClient } from '@/components/client/trpc'
import { useForm } from '@/components/client/use-form'
import { SideForm } from '@/components/patterns/side-form'
import { Callout } from '@/components/ui/callout'
import { Field } from '@/components/ui/field'
import { Input, Select } from '@/components/ui/input'
import { More } from '@/components/ui/more'
import { TextLink } from '@/components/ui/text-link'
import { addressDraftSchema, addressFieldOf, newAddressDraft, specOf, type AddressDraft } from './address-draft'
import { Quota, useOffer } from './quota'
import { TargetFields } from './target-fields'
import { readTarget } from './words'

/** A new address beside the list. */
export function AddressForm({ tenant }: { tenant: string }) {
  const api = useTRPCClient()
  const trpc = useTRPC()
  const queries = useQueryClient()
  const router = useRouter()
  const target = readTarget(useQueryString().get('target'))
  const [initial] = useState(() => newAddressDraft(target))
  const form = useForm({
    initial,
    schema: addressDraftSchema,
    submit: (draft, requestId) => api.floatingAddress.create.mutate({ tenant, name: draft.name, spec: specOf(draft), requestId }),
    fieldOf: addressFieldOf,
    onDone: ({ metadata }) => {
      void queries.invalidateQueries({ queryKey: trpc.floatingAddress.pathKey() })
      router.push(paths.floatingAddress(tenant, metadata.name))
    },
  })
  const { values, set, errors } = form
  return (
    <SideForm title="Allocate address" description={<TextLink href={paths.applyYaml(tenant, { kind: 'FloatingAddress' })}>Write it as YAML</TextLink>} submit="Allocate address" back={paths.floatingAddresses(tenant)} form={form}>
      <Quota tenant={tenant} />
      <Field label="Name" hint="Lower-case letters, digits and dashes" error={errors['name']}>
        {(control) => <Input {...control} mono autoFocus data-autofocus value={values.name} autoComplete="off" spellCheck={false} onChange={(event) => set('name', event.target.value)} />}
      </Field>
      <TargetFields tenant={tenant} values={values} errors={errors} onWhat={(next) => set('what', next)} onPod={(next) => set('pod', next)} onBalancer={(next) => set('balancer', next)} nothing />
      <PoolFields tenant={tenant} values={values} errors={errors} set={set} />
    </SideForm>
  )
}

type FieldsProps = { tenant: string; values: AddressDraft; errors: Readonly<Record<string, string>>; set: <K extends keyof AddressDraft>(name: K, value: AddressDraft[K]) => void }

/** Pool and family, where there is a choice of them; a certain address behind one line. */
function PoolFields({ tenant, values, errors, set }: FieldsProps) {
  const offer = useOffer(tenant)
  const pools = offer.data?.pools ?? []
  const families = new Set(pools.map(({ family }) => family))
  const usual = pools.find((pool) => pool.default && pool.family === values.family)
  if (offer.data && pools.length === 0) return <Callout tone="error" title="There is no address pool">Ask an operator of the installation for one: without it no address of the outside can be given.</Callout>
  return (
    <>
      {families.size > 1 && !values.pool && (
        <Field label="Family" hint={values.family === 'IPv6' ? 'Routed to a pod as it is, which has it as its own' : 'Translated to a pod’s own address'} error={errors['family']}>
          {(control) => <Select {...control} value={values.family} onChange={(event) => set('family', event.target.value === 'IPv6' ? 'IPv6' : 'IPv4')}><option>IPv4</option><option>IPv6</option></Select>}
        </Field>
      )}
      {pools.length > 1
        ? (
          <Field label="Pool" error={errors['pool']}>
            {(control) => (
              <Select {...control} value={values.pool} onChange={(event) => set('pool', event.target.value)}>
                <option value="">{usual ? `The usual one (${usual.name})` : `The usual one of ${values.family}`}</option>
                {pools.map((pool) => <option key={pool.name} value={pool.name}>{`${pool.name}, ${pool.cidr}`}</option>)}
              </Select>
            )}
          </Field>
        )
        : errors['pool'] && <Callout tone="error" title="No address of the pool">{errors['pool']}</Callout>}
      <More wrong={errors['address'] !== undefined}>
        <Field label="Address" optional hint={`This one, if nobody has it; else the lowest that is free${pools.length === 1 ? ` of ${pools[0]?.cidr}` : ''}`} error={errors['address']}>
          {(control) => <Input {...control} mono value={values.address} autoComplete="off" spellCheck={false} onChange={(event) => set('address', event.target.value)} />}
        </Field>
      </More>
    </>
  )
}
