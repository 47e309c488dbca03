'use client'
import { paths } from '@/components/client/paths'
import { TabLinks } from '@/components/ui/tab-links'

/** What a tenant's pods use, and how they start: two views of the same pods. */
export function TopTabs({ tenant }: { tenant: string }) {
  return <TabLinks label="Use and starts" tabs={[{ href: paths.top(tenant), label: 'Top' }, { href: paths.starts(tenant), label: 'Starts' }]} />
}
