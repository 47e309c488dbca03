'use client'
import type { MeView } from '@/domain/account/view'
import { PageHeader } from '@/components/patterns/page-header'
import { Properties, Property } from '@/components/patterns/properties'
import { CopyableId } from '@/components/ui/copyable'
import { Badge } from '@/components/ui/badge'
import { Panel } from '@/components/ui/panel'
import { PasswordPanel } from './password-panel'
import { SessionsPanel } from './sessions-panel'

/** A person's own account: who they are, password, browsers that are signed in. */
export function AccountPage({ me }: { me: MeView }) {
  return (
    <div className="mx-auto flex w-full max-w-220 flex-col gap-4">
      <PageHeader title="Account" />
      <div className="grid grid-cols-1 items-start gap-4 lg:grid-cols-2">
        <Panel title="Person">
          <Properties>
            <Property name="Name">{me.user.name}</Property>
            <Property name="E-mail">{me.user.email}</Property>
            <Property name="Role">{me.user.operator ? <Badge tone="accent">Operator</Badge> : 'Member'}</Property>
            <Property name="Tenants">{me.tenants.map((tenant) => `${tenant.name} (${tenant.role})`).join(', ')}</Property>
            <Property name="ID"><CopyableId id={me.user.id} /></Property>
          </Properties>
        </Panel>
        <PasswordPanel email={me.user.email} />
      </div>
      <SessionsPanel />
    </div>
  )
}
