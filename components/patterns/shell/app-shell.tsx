'use client'
import { Menu as MenuIcon, Search } from 'lucide-react'
import Link from 'next/link'
import { useRouter } from 'next/navigation'
import { lazy, Suspense, useState, type ReactNode } from 'react'
import type { MeView } from '@/domain/account/view'
import type { TenantSummary } from '@/domain/tenant/view'
import { paths } from '@/components/client/paths'
import { useShortcut } from '@/components/client/shortcuts'
import type { Theme } from '@/components/client/theme'
import { IconButton } from '@/components/ui/button'
import { Modal } from '@/components/ui/dialog'
import { Kbd } from '@/components/ui/kbd'
import { Mark } from '@/components/ui/mark'
import { AccountMenu, ThemeMenu } from './account-menu'
import { Breadcrumbs } from './breadcrumbs'
import { placesOf, systemNouns, tenantNouns } from './navigation'
import { NamespacePicker, TenantPicker } from './scope-pickers'
import { GoShortcut, Sidebar, type NavigationGroup } from './sidebar'

const CommandPalette = lazy(() => import('./command-palette').then((module) => ({ default: module.CommandPalette })))
const ShortcutsHelp = lazy(() => import('./shortcuts-help').then((module) => ({ default: module.ShortcutsHelp })))

type AppShellProps = {
  me: MeView
  theme: Theme
  /** The tenant of the page's scope; none in the account's and the operators' pages. */
  tenant?: TenantSummary | undefined
  children: ReactNode
}

/** Top bar, sidebar and the page. */
export function AppShell({ me, theme, tenant, children }: AppShellProps) {
  const router = useRouter()
  const [overlay, setOverlay] = useState<'palette' | 'shortcuts' | 'navigation' | null>(null)
  const home = tenant ?? me.tenants[0]
  const groups: NavigationGroup[] = [
    ...(home ? [{ id: 'tenant', title: home.name, destinations: tenantNouns(home.slug, home.role) }] : []),
    ...(me.user.operator ? [{ id: 'system', title: 'System', destinations: systemNouns() }] : []),
  ]
  useShortcut('mod+k', 'Search and run commands', () => setOverlay('palette'))
  useShortcut('?', 'Show shortcuts', () => setOverlay('shortcuts'))
  const close = () => setOverlay(null)
  return (
    <div className="grid min-h-dvh grid-cols-[minmax(0,1fr)] grid-rows-[48px_minmax(0,1fr)] md:grid-cols-[216px_minmax(0,1fr)]">
      <a href="#page" className="sr-only rounded-md bg-accent-solid px-3 py-2 text-on-accent focus:not-sr-only focus:fixed focus:left-2 focus:top-2">Skip to the page</a>
      <header className="sticky top-0 col-span-full flex h-12 items-center gap-1 border-b border-stroke bg-surface px-3">
        <IconButton label="Navigation" icon={<MenuIcon className="size-4" />} onClick={() => setOverlay('navigation')} className="md:hidden" />
        <Link href={home ? paths.pods(home.slug) : paths.account()} aria-label="Hypernetes, start page" className="mr-1 inline-flex size-7 items-center justify-center rounded-md hover:bg-hover"><Mark /></Link>
        {tenant && (
          <>
            <TenantPicker tenants={me.tenants} current={tenant} />
            <span aria-hidden className="text-stroke-control max-sm:hidden">/</span>
            <span className="min-w-0 max-sm:hidden"><Suspense fallback={null}><NamespacePicker tenant={tenant.slug} /></Suspense></span>
          </>
        )}
        <Breadcrumbs />
        <div className="ml-auto flex items-center gap-1.5">
          <button
            type="button"
            onClick={() => setOverlay('palette')}
            aria-label="Search and run commands"
            className="control inline-flex h-8 items-center gap-2 rounded-md border border-stroke bg-raise px-2 text-sm text-faint hover:border-stroke-strong hover:text-content lg:w-56"
          >
            <Search className="size-3.5" aria-hidden />
            <span className="flex-1 text-left max-lg:hidden">Search</span>
            <span className="flex gap-0.5 max-lg:hidden" aria-hidden><Kbd>⌘</Kbd><Kbd>K</Kbd></span>
          </button>
          <ThemeMenu initial={theme} />
          <AccountMenu user={me.user} />
        </div>
      </header>
      <div className="sticky top-12 h-[calc(100dvh-48px)] overflow-y-auto border-r border-stroke max-md:hidden"><Sidebar groups={groups} /></div>
      <main id="page" className="flex min-w-0 flex-col px-4 py-5 md:px-6">{children}</main>
      {groups.flatMap((group) => placesOf(group.destinations).map(({ id, shortcut, label, href }) => shortcut && <GoShortcut key={id} keys={shortcut} title={`Go to ${label}${group.id === 'system' ? ' of the system' : ''}`} go={() => router.push(href)} />))}
      {overlay === 'navigation' && (
        <Modal onClose={close} label="Navigation" className="h-dvh w-64">
          <div className="h-full border-r border-stroke-strong bg-overlay"><Sidebar groups={groups} onNavigate={close} /></div>
        </Modal>
      )}
      <Suspense fallback={null}>
        {overlay === 'palette' && <CommandPalette me={me} tenant={home} groups={groups} onClose={close} onShortcuts={() => setOverlay('shortcuts')} />}
        {overlay === 'shortcuts' && <ShortcutsHelp onClose={close} />}
      </Suspense>
    </div>
  )
}
