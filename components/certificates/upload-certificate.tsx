'use client'
import { useQueryClient } from '@tanstack/react-query'
import { useRouter } from 'next/navigation'
import { useState } from 'react'
import { paths } from '@/components/client/paths'
import { useQueryString } from '@/components/client/query-string'
import { useTRPC, useTRPCClient } from '@/components/client/trpc'
import { useForm } from '@/components/client/use-form'
import { useBalancer } from '@/components/load-balancers/balancer-frame'
import { SourceForm } from '@/components/load-balancers/source-form'
import { useWriteSource, type Source } from '@/components/load-balancers/use-source'
import { SideForm } from '@/components/patterns/side-form'
import { Field } from '@/components/ui/field'
import { Input } from '@/components/ui/input'
import { certificateFieldOf, certificateSchema, noCertificate, tlsValues } from './certificate-draft'
import { PemField } from './pem-field'
import { withCertificate } from './use-certificate'

/** A new certificate, or a newer one for a Secret: `?replace=NAME`. */
export function UploadCertificate() {
  const { at } = useBalancer()
  const replace = useQueryString().get('replace')
  return <SourceForm title="Upload certificate" back={paths.loadBalancerCertificates(...at)}>{(source) => <UploadForm key={replace} source={source} replace={replace || null} />}</SourceForm>
}

function UploadForm({ source: given, replace }: { source: Source; replace: string | null }) {
  const { tenant, at, balancer: { metadata: { namespace } } } = useBalancer()
  const api = useTRPCClient()
  const trpc = useTRPC()
  const queries = useQueryClient()
  const { write, forget } = useWriteSource()
  const router = useRouter()
  const back = paths.loadBalancerCertificates(...at)
  const [source] = useState(given)
  // A Secret that is stored and not used yet, because the second step failed: a second press must not make it again.
  const [stored, setStored] = useState<string | null>(null)
  const form = useForm({
    initial: noCertificate,
    schema: certificateSchema(replace === null),
    submit: async (draft, requestId) => {
      if (replace !== null) return api.secret.update.mutate({ tenant, namespace, name: replace, stringData: tlsValues(draft) })
      if (stored !== draft.name) await api.secret.create.mutate({ tenant, namespace, name: draft.name, type: 'kubernetes.io/tls', stringData: tlsValues(draft), requestId })
      setStored(draft.name)
      return write({ before: source, ...withCertificate(source, draft.name) })
    },
    fieldOf: certificateFieldOf,
    onDone: () => {
      void queries.invalidateQueries({ queryKey: trpc.secret.pathKey() })
      void forget()
      router.push(back)
    },
  })
  const { values, set, errors } = form
  const button = replace === null ? 'Upload certificate' : 'Replace certificate'
  return (
    <SideForm title={replace === null ? button : `Replace ${replace}`} description={replace === null ? 'It is stored as a Secret of type kubernetes.io/tls, and used by this balancer.' : 'New connections get the new one at once; those that are open go on.'} submit={button} back={back} form={form}>
      {replace === null && (
        <Field label="Name" error={errors['name']} hint="Of the Secret: lower-case letters, digits, dashes and dots">
          {(control) => <Input {...control} mono data-autofocus autoComplete="off" spellCheck={false} value={values.name} onChange={(event) => set('name', event.target.value)} />}
        </Field>
      )}
      <PemField label="Certificate" hint="PEM: your own first, then those between it and the authority" value={values.certificate} error={errors['certificate']} onChange={(next) => set('certificate', next)} />
      <PemField label="Private key" hint="PEM, without a password. It is encrypted when it is stored, and not shown again but to who may reveal Secrets" value={values.key} error={errors['key']} onChange={(next) => set('key', next)} />
      {replace === null && source.kind === 'Service' && <p className="text-xs text-faint">The balancer speaks https from then on, at port 443 where it has port 80 alone; port 80 goes on to speak http.</p>}
    </SideForm>
  )
}
