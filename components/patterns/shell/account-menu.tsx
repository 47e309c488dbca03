'use client'
import { LogOut, Monitor, Moon, Sun, UserRound } from 'lucide-react'
import { useState } from 'react'
import type { AccountView } from '@/domain/account/view'
import { paths } from '@/components/client/paths'
import { expectSignOut } from '@/components/client/signed-out'
import { setTheme, type Theme } from '@/components/client/theme'
import { IconButton } from '@/components/ui/button'
import { Menu } from '@/components/ui/menu'

const choices = [
  { theme: 'system', label: 'As the system', icon: Monitor },
  { theme: 'light', label: 'Light', icon: Sun },
  { theme: 'dark', label: 'Dark', icon: Moon },
] as const

/** The colours: the system's, light or dark. */
export function ThemeMenu({ initial }: { initial: Theme }) {
  const [theme, setChosen] = useState(initial)
  const Icon = choices.find((choice) => choice.theme === theme)?.icon ?? Monitor
  return (
    <Menu
      label="Theme"
      align="end"
      entries={choices.map(({ theme: each, label, icon: EachIcon }) => ({ id: each, label, icon: <EachIcon />, checked: each === theme, onSelect: () => { setTheme(each); setChosen(each) } }))}
      trigger={(props) => <IconButton {...props} label="Theme" icon={<Icon className="size-4" />} />}
    />
  )
}

export async function signOutHere() {
  const undo = expectSignOut()
  try {
    const { signOut } = await import('next-auth/react')
    await signOut({ callbackUrl: paths.signIn() })
  } catch (error) {
    undo()
    throw error
  }
}

/** Who is signed in, and the way out. */
export function AccountMenu({ user }: { user: AccountView }) {
  return (
    <Menu
      label="Account"
      align="end"
      entries={[
        { kind: 'heading', id: 'who', label: <><span className="block text-sm text-content">{user.name}</span><span className="block truncate text-xs font-normal">{user.email}</span></> },
        { kind: 'separator', id: 'after-who' },
        { id: 'account', label: 'Account', icon: <UserRound />, href: paths.account() },
        { kind: 'separator', id: 'after-account' },
        { id: 'out', label: 'Sign out', icon: <LogOut />, onSelect: () => void signOutHere() },
      ]}
      trigger={(props) => (
        <button type="button" {...props} aria-label={`Account of ${user.name}`} className="inline-flex size-7 items-center justify-center rounded-full border border-stroke-strong bg-sunken text-2xs font-semibold text-soft hover:bg-hover hover:text-content">
          {initials(user.name || user.email)}
        </button>
      )}
    />
  )
}

const initials = (name: string) => name.split(/[\s@.]+/).filter(Boolean).slice(0, 2).map((part) => part.charAt(0).toUpperCase()).join('')
