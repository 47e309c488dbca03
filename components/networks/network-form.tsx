'use client'
import { useQueryClient } from '@tanstack/react-query'
import { useRouter } from 'next/navigation'
import { useState } from 'react'
import { paths } from '@/components/client/paths'
import { useTRPC, useTRPCClient } from '@/components/client/trpc'
import { useForm } from '@/components/client/use-form'
import { writeToUnchanged, writtenOf } from '@/components/client/write-to-unchanged'
import { SideForm } from '@/components/patterns/side-form'
import { Callout } from '@/components/ui/callout'
import { Field } from '@/components/ui/field'
import { Input } from '@/components/ui/input'
import { draftOf, draftSchema, fieldOf, newDraft, specOf } from './network-draft'
import { NetworkFields } from './network-fields'
import { useNetwork } from './network-frame'

/** A new network beside the list. */
export function NetworkForm({ tenant }: { tenant: string }) {
  const api = useTRPCClient()
  const trpc = useTRPC()
  const queries = useQueryClient()
  const router = useRouter()
  const [initial] = useState(newDraft)
  const form = useForm({
    initial,
    schema: draftSchema,
    submit: (draft, requestId) => api.network.create.mutate({ tenant, name: draft.name, spec: specOf(draft), requestId }),
    fieldOf,
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
      <NetworkFields values={values} errors={errors} set={set} whole={false} />
    </SideForm>
  )
}

/** Changes a network beside its page. */
export function EditNetwork() {
  const { tenant, network } = useNetwork()
  const { name } = network.metadata
  const api = useTRPCClient()
  const trpc = useTRPC()
  const queries = useQueryClient()
  const router = useRouter()
  // The form is of the network as it was when the form opened: a change by somebody else meanwhile is refused.
  const [opened] = useState(() => writtenOf(network))
  const [initial] = useState(() => draftOf(name, opened.spec))
  const form = useForm({
    initial,
    schema: draftSchema,
    submit: (draft) => writeToUnchanged(opened, {
      read: async () => writtenOf(await api.network.get.query({ tenant, name })),
      write: (resourceVersion) => api.network.update.mutate({ tenant, name, spec: specOf(draft), resourceVersion }),
    }),
    fieldOf,
    onDone: () => {
      void queries.invalidateQueries({ queryKey: trpc.network.pathKey() })
      router.push(paths.network(tenant, name))
    },
  })
  const { values, set, errors } = form
  const { pods } = network.status
  return (
    <SideForm title={`Edit ${name}`} description="A change takes effect for running pods at once." submit="Save network" back={paths.network(tenant, name)} form={form}>
      {pods > 0 && <Callout tone="info" title="Pods keep their addresses">A subnet or range in which a pod or service has an address cannot be taken away.</Callout>}
      <NetworkFields values={values} errors={errors} set={set} whole />
    </SideForm>
  )
}
