'use client'
import { useQueryClient } from '@tanstack/react-query'
import { useRouter } from 'next/navigation'
import { useState } from 'react'
import type { IssuedToken } from '@/domain/account/token'
import { createTokenInput } from '@/domain/account/input'
import { formatExact } from '@/components/client/formats'
import { paths } from '@/components/client/paths'
import { useTRPC, useTRPCClient } from '@/components/client/trpc'
import { useForm } from '@/components/client/use-form'
import { SideForm } from '@/components/patterns/side-form'
import { Button } from '@/components/ui/button'
import { Callout } from '@/components/ui/callout'
import { CodeBlock } from '@/components/ui/code-block'
import { Field } from '@/components/ui/field'
import { Input, Select } from '@/components/ui/input'
import { SidePanel } from '@/components/ui/side-panel'

const terms = [7, 30, 90, 365]

/** A new token; then its text, once. */
export function TokenForm({ tenant }: { tenant: string }) {
  const api = useTRPCClient()
  const trpc = useTRPC()
  const queries = useQueryClient()
  const [issued, setIssued] = useState<IssuedToken | null>(null)
  const form = useForm({
    initial: { name: '', expiresInDays: 90 },
    schema: createTokenInput,
    submit: (values) => api.token.create.mutate({ tenant, ...values }),
    onDone: (token) => {
      setIssued(token)
      void queries.invalidateQueries({ queryKey: trpc.token.list.queryKey({ tenant }) })
    },
  })
  const { values, set, errors } = form
  if (issued) return <Issued tenant={tenant} issued={issued} />
  return (
    <SideForm title="Create API token" submit="Create API token" back={paths.tokens(tenant)} form={form}>
      <Field label="Name" hint="Where it is used, such as “deploy from CI”" error={errors['name']}>
        {(control) => <Input {...control} autoFocus data-autofocus value={values.name} autoComplete="off" onChange={(event) => set('name', event.target.value)} />}
      </Field>
      <Field label="Expires" error={errors['expiresInDays']}>
        {(control) => <Select {...control} value={values.expiresInDays} onChange={(event) => set('expiresInDays', Number(event.target.value))}>{terms.map((days) => <option key={days} value={days}>in {days} days</option>)}</Select>}
      </Field>
    </SideForm>
  )
}

function Issued({ tenant, issued }: { tenant: string; issued: IssuedToken }) {
  const router = useRouter()
  const close = () => router.push(paths.tokens(tenant), { scroll: false })
  return (
    <SidePanel title="API token created" onClose={close} footer={<Button variant="primary" data-autofocus onClick={close}>Close</Button>}>
      <div className="flex flex-col gap-4">
        <Callout tone="notice" title="Copy the token now">It is kept hashed: nobody can show it again.</Callout>
        <CodeBlock label="Token" code={issued.token} className="[&_pre]:whitespace-pre-wrap [&_pre]:break-all" />
        <p className="text-sm text-faint">Expires {formatExact(issued.expiresAt)}. Try it:</p>
        <CodeBlock label="Command" code={`curl -H "Authorization: Bearer $TOKEN" \\\n  ${window.location.origin}/api/trpc/account.me`} />
      </div>
    </SidePanel>
  )
}
