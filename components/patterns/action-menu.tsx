'use client'
import { MoreHorizontal } from 'lucide-react'
import type { Action } from '@/components/client/actions'
import { IconButton } from '@/components/ui/button'
import { Menu, type MenuItem } from '@/components/ui/menu'

/** Actions as entries of a menu, what destroys apart at the end. */
export function toMenuItems(actions: readonly Action[]): MenuItem[] {
  const item = (action: Action): MenuItem => ({
    id: action.id,
    label: action.label,
    icon: action.icon,
    ...(action.href !== undefined && { href: action.href }),
    ...(action.run && { onSelect: action.run }),
    danger: action.danger ?? false,
    disabledReason: action.disabledReason,
  })
  const calm = actions.filter((action) => !action.danger).map(item)
  const danger = actions.filter((action) => action.danger).map(item)
  return calm.length > 0 && danger.length > 0 ? [...calm, { kind: 'separator', id: 'danger' }, ...danger] : [...calm, ...danger]
}

/** The menu at the end of a row. */
export function ActionMenu({ of, actions }: { of: string; actions: readonly Action[] }) {
  return (
    <Menu
      label={`Actions for ${of}`}
      align="end"
      entries={toMenuItems(actions)}
      trigger={(props) => <IconButton {...props} label={`Actions for ${of}`} hint="Actions" icon={<MoreHorizontal className="size-4" />} />}
    />
  )
}
