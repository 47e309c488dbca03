'use client'
import { useRouter } from 'next/navigation'
import { useState } from 'react'
import { z } from 'zod'
import { balancerAnnotationsOf } from '@/domain/load-balancer/annotations'
import { paths } from '@/components/client/paths'
import { useForm } from '@/components/client/use-form'
import { SideForm } from '@/components/patterns/side-form'
import { Callout } from '@/components/ui/callout'
import { Field } from '@/components/ui/field'
import { Select, Textarea } from '@/components/ui/input'
import { TextLink } from '@/components/ui/text-link'
import { annotationFieldOf, balancerProblems, changedAnnotations } from './annotations-change'
import { useBalancer } from './balancer-frame'
import { withHttpsPort } from './https-port'
import { useWriteSource, type Source } from './use-source'

type Draft = { protocol: string; hosts: string; paths: string; certificates: string }
const commas = (text: string) => text.split(/[\n,]/).map((line) => line.trim()).filter(Boolean).join(',')
const lines = (text: string | undefined) => (text ?? '').split(',').map((part) => part.trim()).join('\n')
const web = (protocol: string) => protocol === 'http' || protocol === 'https'
/** What does not stand with a protocol goes with it. */
const patchOf = (draft: Draft) => ({ protocol: draft.protocol === 'tcp' ? '' : draft.protocol, hosts: web(draft.protocol) ? commas(draft.hosts) : '', paths: web(draft.protocol) ? commas(draft.paths) : '', certificates: draft.protocol === 'https' ? commas(draft.certificates) : '' })

/** A Service’s rules: which hosts and paths it answers at all. They stand in annotations. */
export function ServiceRulesForm({ source: given }: { source: Extract<Source, { kind: 'Service' }> }) {
  const { tenant, at, balancer: { metadata } } = useBalancer()
  const { write, forget } = useWriteSource()
  const router = useRouter()
  const back = paths.loadBalancerRules(...at)
  const [source] = useState(given)
  const [initial] = useState<Draft>(() => {
    const own = balancerAnnotationsOf(source.annotations)
    return { protocol: own['protocol'] ?? 'tcp', hosts: lines(own['hosts']), paths: lines(own['paths']), certificates: lines(own['certificates']) }
  })
  const specOf = ({ protocol }: Draft) => (protocol === 'https' ? withHttpsPort(source.spec) : source.spec)
  const schema = z.custom<Draft>().superRefine((draft, context) => {
    for (const { key, message } of balancerProblems(metadata.name, changedAnnotations(source.annotations, patchOf(draft)), { kind: 'Service', spec: specOf(draft) })) if (Object.hasOwn(draft, key)) context.addIssue({ code: 'custom', path: [key], message })
  })
  const form = useForm({
    initial,
    schema,
    submit: (draft) => write({ before: source, annotations: changedAnnotations(source.annotations, patchOf(draft)), spec: specOf(draft) }),
    fieldOf: annotationFieldOf,
    onDone: () => { void forget(); router.push(back) },
  })
  const { values, set, errors } = form
  return (
    <SideForm title={`Edit rules of ${metadata.name}`} description="Taken over without a cut: open connections go on." submit="Save rules" back={back} form={form}>
      <Field label="What it speaks with clients" error={errors['protocol']} hint={values.protocol === 'tcp' ? 'It hands bytes on, whatever they are: no hosts and paths, and no log of requests' : values.protocol === 'https' ? 'It ends TLS with your certificates, and reads requests; port 80 goes on to speak http' : 'It reads requests: rules, a log and figures of each answer'}>
        {(control) => <Select {...control} data-autofocus value={values.protocol} onChange={(event) => set('protocol', event.target.value)}><option value="http">HTTP</option><option value="https">HTTPS</option><option value="tcp">TCP</option></Select>}
      </Field>
      {values.protocol === 'https' && (
        <Field label="Certificates" error={errors['certificates']} hint="Secrets of type kubernetes.io/tls, a line each; the first is for clients that name no host that fits">
          {(control) => <Textarea {...control} mono rows={2} value={values.certificates} spellCheck={false} onChange={(event) => set('certificates', event.target.value)} />}
        </Field>
      )}
      {web(values.protocol) && (
        <>
          <Field label="Hosts" optional error={errors['hosts']} hint="A line each: www.example.com, or *.example.com. Others get 404. Without any: every host">
            {(control) => <Textarea {...control} mono rows={3} value={values.hosts} spellCheck={false} onChange={(event) => set('hosts', event.target.value)} />}
          </Field>
          <Field label="Paths" optional error={errors['paths']} hint="A line each, with what lies below it: /api. Others get 404. Without any: every path">
            {(control) => <Textarea {...control} mono rows={2} value={values.paths} spellCheck={false} onChange={(event) => set('paths', event.target.value)} />}
          </Field>
          <Callout title="All of it leads to this one Service">To send hosts or paths to different services, <TextLink size="sm" href={paths.newLoadBalancer(tenant, { namespace: metadata.namespace, service: metadata.name })}>create a balancer before the services</TextLink>: an Ingress has a service for each rule.</Callout>
        </>
      )}
    </SideForm>
  )
}
