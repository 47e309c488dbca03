'use client'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useRouter } from 'next/navigation'
import { z } from 'zod'
import { securityGroupSpec } from '@/domain/security-group/spec'
import { paths } from '@/components/client/paths'
import { useQueryString } from '@/components/client/query-string'
import { useTRPC, useTRPCClient } from '@/components/client/trpc'
import { useForm } from '@/components/client/use-form'
import { SideForm } from '@/components/patterns/side-form'
import { Field } from '@/components/ui/field'
import { Input, Select } from '@/components/ui/input'
import { MemberFields, podLabelsText, withPodLabels } from './member-fields'
import { formPath } from './rule-draft'

const schema = z.object({ name: z.string(), network: z.string(), description: z.string(), podLabels: podLabelsText })

/** A new security group beside the list; its rules come next. */
export function SecurityGroupForm({ tenant }: { tenant: string }) {
  const api = useTRPCClient()
  const trpc = useTRPC()
  const queries = useQueryClient()
  const router = useRouter()
  const query = useQueryString()
  const networks = useQuery(trpc.network.list.queryOptions({ tenant }))
  const form = useForm({
    initial: { name: '', network: query.get('network') || 'default', description: '', podLabels: '' },
    schema,
    submit: ({ name, network, description, podLabels }, requestId) => api.securityGroup.create.mutate({ tenant, name, spec: withPodLabels(securityGroupSpec.parse({ network, description }), podLabels), requestId }),
    fieldOf: (path) => (path.startsWith('spec.podSelector') ? 'podLabels' : formPath(path)),
    onDone: (group) => {
      void queries.invalidateQueries({ queryKey: trpc.securityGroup.pathKey() })
      router.push(paths.securityGroupRules(tenant, group.metadata.name))
    },
  })
  const { values, set, errors } = form
  const names = [...new Set([values.network, ...(networks.data?.items ?? []).map((each) => each.metadata.name)])]
  return (
    <SideForm title="Create security group" description="Its rules come next. Until it has one, nothing comes in to its pods." submit="Create security group" back={paths.securityGroups(tenant)} form={form}>
      <Field label="Name" hint="Lower-case letters, digits and dashes" error={errors['name']}>
        {(control) => <Input {...control} mono autoFocus data-autofocus value={values.name} autoComplete="off" spellCheck={false} onChange={(event) => set('name', event.target.value)} />}
      </Field>
      <Field label="Network" hint="Pods of this network alone can be members" error={errors['network']}>
        {(control) => <Select {...control} value={values.network} onChange={(event) => set('network', event.target.value)}>{names.map((name) => <option key={name} value={name}>{name}</option>)}</Select>}
      </Field>
      <MemberFields podLabels={values.podLabels} description={values.description} errors={errors} onPodLabels={(next) => set('podLabels', next)} onDescription={(next) => set('description', next)} />
    </SideForm>
  )
}
