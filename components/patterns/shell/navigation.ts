import { Box, Container, Gauge, Image, KeyRound, Lock, Mail, Network, ScrollText, Server, SlidersHorizontal, Timer, UserRoundCheck, type LucideIcon } from 'lucide-react'
import { paths } from '@/components/client/paths'

export type Destination = { id: string; label: string; href: string; icon: LucideIcon; shortcut?: string }

/** The nouns of a tenant, ten at most. */
export const tenantNouns = (slug: string, role: 'admin' | 'member'): Destination[] => [
  { id: 'pods', label: 'Pods', href: paths.pods(slug), icon: Box, shortcut: 'g p' },
  { id: 'config-maps', label: 'ConfigMaps', href: paths.configMaps(slug), icon: SlidersHorizontal, shortcut: 'g c' },
  { id: 'secrets', label: 'Secrets', href: paths.secrets(slug), icon: Lock, shortcut: 'g e' },
  { id: 'networks', label: 'Networks', href: paths.networks(slug), icon: Network, shortcut: 'g n' },
  { id: 'namespaces', label: 'Namespaces', href: paths.namespaces(slug), icon: Container, shortcut: 'g a' },
  { id: 'images', label: 'Images', href: paths.images(slug), icon: Image, shortcut: 'g i' },
  { id: 'tenant-top', label: 'Top', href: paths.top(slug), icon: Gauge, shortcut: 'g o' },
  { id: 'tenant-starts', label: 'Starts', href: paths.starts(slug), icon: Timer, shortcut: 'g w' },
  { id: 'tokens', label: 'API tokens', href: paths.tokens(slug), icon: KeyRound, shortcut: 'g t' },
  ...(role === 'admin' ? [{ id: 'audit', label: 'Audit', href: paths.audit(slug), icon: ScrollText }] : []),
]

/** The operators' scope. */
export const systemNouns = (): Destination[] => [
  { id: 'hosts', label: 'Hosts', href: paths.hosts(), icon: Server, shortcut: 'g h' },
  { id: 'top', label: 'Top', href: paths.top(), icon: Gauge, shortcut: 'g O' },
  { id: 'starts', label: 'Starts', href: paths.starts(), icon: Timer, shortcut: 'g W' },
  { id: 'approvals', label: 'Approvals', href: paths.approvals(), icon: UserRoundCheck },
  { id: 'mail', label: 'Mail', href: paths.mail(), icon: Mail },
]
