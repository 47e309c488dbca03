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
import { addressFieldOf, choiceOf, targetOf, targetSchema } from './address-draft'
import { useFloatingAddress } from './address-frame'
import { TargetFields } from './target-fields'
import { leadsTo, targetNoun, targetText } from './words'

/** Says where an address shall lead, beside its page: at first, or to another than now. */
export function AssociateForm() {
  const { tenant, address } = useFloatingAddress()
  const { name } = address.metadata
  const api = useTRPCClient()
  const trpc = useTRPC()
  const queries = useQueryClient()
  const router = useRouter()
  // The form is of the address as it was when the form opened: a change by somebody else meanwhile is refused.
  const [opened] = useState(address)
  const { spec, status } = opened
  const before = leadsTo({ spec, status })
  const form = useForm({
    initial: { ...choiceOf(null), what: before && before.kind !== 'Pod' ? ('balancer' as const) : ('pod' as const) },
    schema: targetSchema,
    submit: (choice) => writeToUnchanged(writtenOf(opened), {
      read: async () => writtenOf(await api.floatingAddress.get.query({ tenant, name })),
      write: (resourceVersion) => api.floatingAddress.update.mutate({ tenant, name, target: targetOf(choice), resourceVersion }),
    }),
    fieldOf: addressFieldOf,
    onDone: () => {
      void queries.invalidateQueries({ queryKey: trpc.floatingAddress.pathKey() })
      router.push(paths.floatingAddress(tenant, name))
    },
  })
  const verb = before ? 'Move' : 'Associate'
  return (
    <SideForm title={`${verb} ${name}`} description={<><code className="font-mono text-xs">{status.address}</code>{before && ` leads to ${targetNoun(before)} ${before.namespace}/${before.name}`}</>} submit={`${verb} address`} back={paths.floatingAddress(tenant, name)} form={form}>
      <TargetFields tenant={tenant} values={form.values} errors={form.errors} onWhat={(next) => form.set('what', next)} onPod={(next) => form.set('pod', next)} onBalancer={(next) => form.set('balancer', next)} nothing={false} now={before ? targetText(before) : undefined} focus />
      {before && <Callout tone="notice" title="What is open ends">Connections to {targetNoun(before)} {before.name} by this address end. It leads to nobody until the host that answers for it now has let go, most often well under a second.</Callout>}
    </SideForm>
  )
}
