'use client'
import type { BalancerDetail, BalancerSource } from '@/domain/load-balancer/view'
import { useNow } from '@/components/client/clock'
import { formatCount, formatExact, NOTHING } from '@/components/client/formats'
import { paths } from '@/components/client/paths'
import { expiryOf } from '@/components/load-balancers/balancer-words'
import { Badge } from '@/components/ui/badge'
import { ButtonLink } from '@/components/ui/button'
import { Callout } from '@/components/ui/callout'

type Certificate = BalancerDetail['certificates'][number]

/** Certificates of a balancer that have ended or end soon, each with what to do. */
export function ExpiryWarnings({ certificates, at }: { certificates: readonly Certificate[]; at: readonly [tenant: string, source: BalancerSource, namespace: string, name: string] }) {
  const now = useNow()
  if (now === undefined) return null
  return certificates.map((each) => {
    const { tone, days } = expiryOf(each.notAfter, now)
    if (tone === 'success' || Number.isNaN(days)) return null
    return (
      <Callout key={each.id} tone={tone} title={tone === 'error' ? `The certificate ${each.secret} is no longer valid` : `The certificate ${each.secret} ends in ${formatCount(days, 'day')}`} actions={<ButtonLink size="sm" href={paths.uploadCertificate([...at], { replace: each.secret })}>Replace certificate</ButtonLink>}>
        {tone === 'error' ? 'Clients refuse to connect. Replace it by a newer one.' : 'From then on clients refuse to connect. Replace it by a newer one: no connection is cut.'}
      </Callout>
    )
  })
}

/** When a certificate ends, and how near that is. */
export function Expiry({ certificate: { notAfter } }: { certificate: Certificate }) {
  const now = useNow()
  if (Number.isNaN(Date.parse(notAfter))) return <span className="text-faint">{NOTHING}</span>
  if (now === undefined) return <span className="whitespace-nowrap">{notAfter.slice(0, 10)}</span>
  const { tone, days } = expiryOf(notAfter, now)
  return <span className="inline-flex items-center gap-2 whitespace-nowrap" title={formatExact(notAfter)}>{notAfter.slice(0, 10)}<Badge tone={tone}>{tone === 'error' ? 'ended' : formatCount(days, 'day')}</Badge></span>
}
