'use client'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useRouter } from 'next/navigation'
import { z } from 'zod'
import { paths } from '@/components/client/paths'
import { useTRPC, useTRPCClient } from '@/components/client/trpc'
import { useForm } from '@/components/client/use-form'
import { SideForm } from '@/components/patterns/side-form'
import { Field } from '@/components/ui/field'
import { Input, Select } from '@/components/ui/input'

const initial = { reference: '', namespace: 'default', pullSecret: '' }
const schema = z.object({ reference: z.string().min(1, 'Name the image, such as docker.io/library/nginx:1'), namespace: z.string(), pullSecret: z.string() })

/** Has hosts pull an image before a pod names it. */
export function PrePullForm({ tenant }: { tenant: string }) {
  const api = useTRPCClient()
  const trpc = useTRPC()
  const queries = useQueryClient()
  const router = useRouter()
  const namespaces = useQuery(trpc.namespace.list.queryOptions({ tenant }))
  const form = useForm({
    initial,
    schema,
    submit: ({ reference, namespace, pullSecret }) => api.image.prePull.mutate({ tenant, reference: reference.trim(), namespace, pullSecrets: pullSecret.trim() === '' ? [] : [pullSecret.trim()] }),
    fieldOf: (path) => (path.startsWith('pullSecrets') ? 'pullSecret' : path),
    onDone: () => {
      void queries.invalidateQueries({ queryKey: trpc.image.list.queryKey() })
      router.push(paths.images(tenant))
    },
  })
  const { values, set, errors } = form
  const names = [...new Set(['default', ...(namespaces.data?.items ?? []).map(({ metadata }) => metadata.name)])]
  return (
    <SideForm title="Pre-pull image" description="Every host pulls it when nothing else waits, so that the first pod starts without a pull. The wish holds for a day." submit="Pre-pull image" back={paths.images(tenant)} form={form}>
      <Field label="Image" error={errors['reference']}>
        {(control) => <Input {...control} mono autoFocus data-autofocus value={values.reference} placeholder="registry.example/app:1" autoComplete="off" spellCheck={false} onChange={(event) => set('reference', event.target.value)} />}
      </Field>
      <Field label="Pull Secret" optional hint="Its name, for a private registry: of type kubernetes.io/dockerconfigjson" error={errors['pullSecret']}>
        {(control) => <Input {...control} mono value={values.pullSecret} autoComplete="off" spellCheck={false} onChange={(event) => set('pullSecret', event.target.value)} />}
      </Field>
      {values.pullSecret !== '' && (
        <Field label="Namespace of the Secret" error={errors['namespace']}>
          {(control) => (
            <Select {...control} value={values.namespace} onChange={(event) => set('namespace', event.target.value)}>
              {names.map((name) => <option key={name} value={name}>{name}</option>)}
            </Select>
          )}
        </Field>
      )}
    </SideForm>
  )
}
