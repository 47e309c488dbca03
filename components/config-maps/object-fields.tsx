'use client'
import { useQuery } from '@tanstack/react-query'
import { useTRPC } from '@/components/client/trpc'
import { Field } from '@/components/ui/field'
import { Input, Select } from '@/components/ui/input'

type ObjectFieldsProps = { tenant: string; name: string; namespace: string; errors: Record<string, string>; onName: (next: string) => void; onNamespace: (next: string) => void }

/** Where a new ConfigMap or Secret stands, and its name. */
export function ObjectFields({ tenant, name, namespace, errors, onName, onNamespace }: ObjectFieldsProps) {
  const trpc = useTRPC()
  const namespaces = useQuery(trpc.namespace.list.queryOptions({ tenant }))
  const names = [...new Set([namespace, ...(namespaces.data?.items ?? []).map((each) => each.metadata.name)])]
  return (
    <>
      <Field label="Name" hint="Lower-case letters, digits, dashes and dots" error={errors['name']}>
        {(control) => <Input {...control} mono autoFocus data-autofocus value={name} autoComplete="off" spellCheck={false} onChange={(event) => onName(event.target.value)} />}
      </Field>
      <Field label="Namespace" hint="Pods of this namespace alone can name it" error={errors['namespace']}>
        {(control) => <Select {...control} value={namespace} onChange={(event) => onNamespace(event.target.value)}>{names.map((each) => <option key={each} value={each}>{each}</option>)}</Select>}
      </Field>
    </>
  )
}
