'use client'
import Link from 'next/link'
import { usePathname } from 'next/navigation'
import { useShortcut } from '@/components/client/shortcuts'
import { cn } from '@/components/ui/cn'
import type { Destination } from './navigation'

export type NavigationGroup = { id: string; title: string; destinations: readonly Destination[] }

/** The nouns of the scopes a person has. */
export function Sidebar({ groups, onNavigate }: { groups: readonly NavigationGroup[]; onNavigate?: () => void }) {
  return (
    <nav aria-label="Main" className="flex flex-col gap-5 p-2 pt-3">
      {groups.map((group) => (
        <div key={group.id}>
          <h2 className="truncate px-2.5 pb-1 text-xs font-medium text-faint">{group.title}</h2>
          <ul className="flex flex-col gap-px">
            {group.destinations.map((destination) => <SidebarLink key={destination.id} destination={destination} onNavigate={onNavigate} />)}
          </ul>
        </div>
      ))}
    </nav>
  )
}

function SidebarLink({ destination: { href, label, icon: Icon, beside = [] }, onNavigate }: { destination: Destination; onNavigate: (() => void) | undefined }) {
  const pathname = usePathname()
  const current = [href, ...beside.map((place) => place.href)].some((each) => pathname === each || pathname.startsWith(`${each}/`) || pathname.startsWith(`${each}-`))
  return (
    <li>
      <Link
        href={href}
        onClick={onNavigate}
        aria-current={current ? 'page' : undefined}
        className={cn('group/nav relative flex h-8 items-center gap-2.5 rounded-md px-2.5 text-sm transition-colors duration-75', current ? 'bg-press/70 font-medium text-content' : 'text-soft hover:bg-hover hover:text-content')}
      >
        <Icon className={cn('size-4', current ? 'text-accent-content' : 'text-faint group-hover/nav:text-soft')} strokeWidth={1.75} aria-hidden />
        {label}
      </Link>
    </li>
  )
}

/** `g p` and its like. */
export function GoShortcut({ keys, title, go }: { keys: string; title: string; go: () => void }) {
  useShortcut(keys, title, go)
  return null
}
