'use client'
import { useQuery } from '@tanstack/react-query'
import { BadgeCheck, RefreshCw, Unlink, Upload } from 'lucide-react'
import { useState, type ReactNode } from 'react'
import { certificateFits } from '@/domain/load-balancer/certificates'
import type { BalancerDetail } from '@/domain/load-balancer/view'
import type { Action } from '@/components/client/actions'
import { toFailure, type Failure } from '@/components/client/errors'
import { paths } from '@/components/client/paths'
import { useTRPC } from '@/components/client/trpc'
import { useBalancer } from '@/components/load-balancers/balancer-frame'
import { useSource, useWriteSource, type Source } from '@/components/load-balancers/use-source'
import { ActionMenu } from '@/components/patterns/action-menu'
import { DeleteDialog } from '@/components/patterns/delete-dialog'
import { FailureCallout } from '@/components/patterns/failure'
import { SimpleTable } from '@/components/patterns/simple-table'
import { Badge } from '@/components/ui/badge'
import { Button, ButtonLink } from '@/components/ui/button'
import { Callout } from '@/components/ui/callout'
import { EmptyState } from '@/components/ui/empty-state'
import { Select } from '@/components/ui/input'
import { Panel } from '@/components/ui/panel'
import { TextLink } from '@/components/ui/text-link'
import { Expiry, ExpiryWarnings } from './expiry'
import { usesCertificate, withCertificate, withoutCertificate } from './use-certificate'

type Certificate = BalancerDetail['certificates'][number]

/** What it shows to clients of https. `children` is the form that stands over it. */
export function BalancerCertificates({ children }: { children?: ReactNode }) {
  const { tenant, at, balancer: { metadata, certificates, model } } = useBalancer()
  const [leaving, setLeaving] = useState<Certificate | null>(null)
  const { source } = useSource()
  const { write, forget } = useWriteSource()
  const names = model?.listeners.flatMap(({ protocol, rules }) => (protocol === 'https' ? rules.flatMap(({ host }) => host ?? []) : [])) ?? []
  const uncovered = certificates.length > 0 ? [...new Set(names)].filter((name) => !certificates.some((each) => certificateFits(each.names, name))) : []
  const upload = <ButtonLink variant="primary" icon={<Upload className="size-4" />} href={paths.uploadCertificate([...at])}>Upload certificate</ButtonLink>
  const actions = (each: Certificate): Action[] => [
    { id: 'replace', label: 'Replace certificate', icon: <RefreshCw className="size-4" />, href: paths.uploadCertificate([...at], { replace: each.secret }) },
    { id: 'secret', label: 'Show Secret', icon: <BadgeCheck className="size-4" />, href: paths.secret(tenant, metadata.namespace, each.secret) },
    { id: 'stop', label: 'Stop using it', icon: <Unlink className="size-4" />, danger: true, run: () => setLeaving(each) },
  ]
  return (
    <>
      <ExpiryWarnings certificates={certificates} at={at} />
      {uncovered.length > 0 && <Callout tone="notice" title={`No certificate is for ${uncovered.join(', ')}`}>Browsers warn there. Upload one whose names include {uncovered.length === 1 ? 'it' : 'them'}.</Callout>}
      <Panel title="Certificates" description="Clients get the one whose name fits, else the first" actions={certificates.length > 0 && upload} flush>
        <SimpleTable
          label="Certificates"
          heads={['Secret', 'Names', 'Valid until', <span key="actions" className="sr-only">Actions</span>]}
          rows={certificates.map((each) => ({
            key: each.id,
            cells: [
              <TextLink key="secret" size="sm" href={paths.secret(tenant, metadata.namespace, each.secret)}>{each.secret}</TextLink>,
              <span key="names" className="flex flex-col gap-1 py-1">
                <span className="flex flex-wrap gap-1">{(each.names.length > 0 ? each.names : each.subject ? [each.subject] : []).map((name) => <Badge key={name} mono>{name}</Badge>)}</span>
                {each.problem !== null && !each.problem.startsWith('expire') && <span className="text-xs text-notice-content wrap-anywhere">{each.problem}</span>}
              </span>,
              <Expiry key="expiry" certificate={each} />,
              <ActionMenu key="actions" of={each.secret} actions={actions(each)} />,
            ],
          }))}
          empty={<EmptyState icon={<BadgeCheck />} title="No certificates" actions={upload}>With one it speaks https. The key is encrypted in the database, and on its host it stands in memory alone.</EmptyState>}
        />
      </Panel>
      {source && <UseStored source={source} />}
      {leaving && source && (
        <DeleteDialog
          noun="certificate"
          name={leaving.secret}
          verb="Stop using"
          consequences={[
            `Clients of ${leaving.names.join(', ') || leaving.subject} get another certificate, or none.`,
            ...(source.kind === 'Service' && certificates.length === 1 ? ['It is the last one: the balancer speaks http alone from then on.'] : []),
            `The Secret ${leaving.secret} stays.`,
          ]}
          onDelete={async () => {
            await write({ before: source, ...withoutCertificate(source, leaving.secret) })
            await forget()
          }}
          onClose={() => setLeaving(null)}
        />
      )}
      {children}
    </>
  )
}

/** Certificates that are there already as Secrets. */
function UseStored({ source }: { source: Source }) {
  const { tenant, balancer: { metadata: { namespace } } } = useBalancer()
  const { write, forget } = useWriteSource()
  const trpc = useTRPC()
  const secrets = useQuery(trpc.secret.list.queryOptions({ tenant, namespace, type: 'kubernetes.io/tls', limit: 500 }))
  const [chosen, setChosen] = useState('')
  const [pending, setPending] = useState(false)
  const [failure, setFailure] = useState<Failure | null>(null)
  const free = secrets.data?.items.map(({ metadata }) => metadata.name).filter((name) => !usesCertificate(source, name)) ?? []
  if (free.length === 0) return null
  const use = async () => {
    setPending(true)
    setFailure(null)
    try {
      await write({ before: source, ...withCertificate(source, chosen) })
      await forget()
      setChosen('')
    } catch (error) {
      setFailure(toFailure(error))
    }
    setPending(false)
  }
  return (
    <Panel title="Use one that is stored" description={`Secrets of type kubernetes.io/tls in namespace ${namespace}`}>
      <div className="flex flex-col gap-3">
        {failure && <FailureCallout failure={failure} title="The certificate is not used" />}
        <div className="flex flex-wrap items-center gap-2">
          <span className="w-60 max-w-full"><Select aria-label="Stored certificate" value={chosen} onChange={(event) => setChosen(event.target.value)}><option value="">Choose a Secret</option>{free.map((name) => <option key={name}>{name}</option>)}</Select></span>
          <Button pending={pending} disabledReason={chosen === '' ? 'Choose a Secret first.' : undefined} onClick={() => void use()}>Use certificate</Button>
        </div>
        {source.kind === 'Service' && <p className="text-xs text-faint">It speaks https from then on, at port 443 where it has port 80 alone; port 80 goes on to speak http.</p>}
      </div>
    </Panel>
  )
}
