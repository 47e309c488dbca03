'use client'
import { ServiceFigures } from '@/components/figures/service-figures'
import { useService } from './service-frame'

/** What passes through the service, as charts. */
export function ServiceFiguresTab() {
  const { tenant, service: { metadata } } = useService()
  return <ServiceFigures tenant={tenant} namespace={metadata.namespace} name={metadata.name} created={metadata.creationTimestamp} />
}
