'use client'
import type { SecurityGroupDetail } from '@/domain/security-group/view'
import { formatCount, NOTHING } from '@/components/client/formats'
import { paths } from '@/components/client/paths'
import { SimpleTable } from '@/components/patterns/simple-table'
import { CopyableId } from '@/components/ui/copyable'
import { Panel } from '@/components/ui/panel'
import { TextLink } from '@/components/ui/text-link'

/** The pods that a group or a policy holds for now. */
export function MembersTable({ tenant, members, empty }: { tenant: string; members: SecurityGroupDetail['members']; empty: string }) {
  return (
    <Panel title="Members" description={formatCount(members.length, 'pod')} flush>
      <SimpleTable
        label="Members"
        heads={['Pod', 'Namespace', 'Addresses']}
        rows={members.map(({ namespace, name, addresses }) => ({
          key: `${namespace}/${name}`,
          cells: [
            <TextLink key="name" href={paths.pod(tenant, namespace, name)} className="text-sm font-medium">{name}</TextLink>,
            namespace,
            addresses.length > 0 ? <span key="addresses" className="inline-flex flex-wrap gap-x-3">{addresses.map((address) => <CopyableId key={address} id={address} />)}</span> : NOTHING,
          ],
        }))}
        empty={empty}
      />
    </Panel>
  )
}
