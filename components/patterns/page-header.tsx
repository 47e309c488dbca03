'use client'
import { MoreHorizontal } from 'lucide-react'
import type { ReactNode } from 'react'
import type { Action } from '@/components/client/actions'
import { Button, ButtonLink, IconButton } from '@/components/ui/button'
import { Menu } from '@/components/ui/menu'
import { toMenuItems } from './action-menu'
import { PageTitle } from './page-title'

type PageHeaderProps = {
  title: string
  /** Beside the title: state, kind. */
  beside?: ReactNode
  description?: ReactNode
  /** At the right: the live badge. */
  status?: ReactNode
  /** The first `prominent` of them are buttons, the others stand in a menu. */
  actions?: readonly Action[]
  prominent?: number
  primary?: ReactNode
  tabs?: ReactNode
}

/** A page's title, state, actions and tabs. */
export function PageHeader({ title, beside, description, status, actions = [], prominent = 0, primary, tabs }: PageHeaderProps) {
  const rest = actions.slice(prominent)
  return (
    <header className={tabs ? 'border-b border-stroke' : undefined}>
      <div className="flex flex-wrap items-center justify-between gap-x-4 gap-y-2 pb-3">
        <div className="min-w-0">
          <div className="flex min-w-0 flex-wrap items-center gap-x-3 gap-y-1">
            <PageTitle>{title}</PageTitle>
            {beside}
          </div>
          {description && <p className="mt-0.5 max-w-180 text-sm text-faint">{description}</p>}
        </div>
        <div className="flex flex-wrap items-center gap-2">
          {status}
          {actions.slice(0, prominent).map((action) => action.href && action.disabledReason === undefined
            ? <ButtonLink key={action.id} href={action.href} icon={action.icon}>{action.label}</ButtonLink>
            : <Button key={action.id} icon={action.icon} variant={action.danger ? 'danger-ghost' : 'secondary'} disabledReason={action.disabledReason} onClick={action.run}>{action.label}</Button>)}
          {rest.length > 0 && (
            <Menu
              label={`Actions for ${title}`}
              align="end"
              entries={toMenuItems(rest)}
              trigger={(props) => <IconButton {...props} label={`More actions for ${title}`} hint="More actions" icon={<MoreHorizontal className="size-4" />} className="size-8 border border-stroke-strong bg-raise" />}
            />
          )}
          {primary}
        </div>
      </div>
      {tabs}
    </header>
  )
}
