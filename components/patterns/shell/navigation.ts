import { Box, Container, Gauge, Globe, HardDrive, Image, KeyRound, Mail, Network, Server, Shield, SlidersHorizontal, Timer, UserRoundCheck, Waypoints, type LucideIcon } from 'lucide-react'
import { paths } from '@/components/client/paths'

/** `beside`: pages of the same noun, which stand as tabs over it; the palette and shortcuts lead to them too. */
export type Destination = { id: string; label: string; href: string; icon: LucideIcon; shortcut?: string; beside?: readonly Place[] }
export type Place = { id: string; label: string; href: string; shortcut?: string }

export const figuresTabs = (slug: string): readonly Place[] => [{ id: 'tenant-top', label: 'Top', href: paths.top(slug), shortcut: 'g o' }, { id: 'tenant-traffic', label: 'Traffic', href: paths.traffic(slug), shortcut: 'g x' }, { id: 'tenant-starts', label: 'Starts', href: paths.starts(slug), shortcut: 'g w' }]
export const configurationTabs = (slug: string): readonly Place[] => [{ id: 'config-maps', label: 'ConfigMaps', href: paths.configMaps(slug), shortcut: 'g c' }, { id: 'secrets', label: 'Secrets', href: paths.secrets(slug), shortcut: 'g e' }]
export const accessTabs = (slug: string): readonly Place[] => [{ id: 'tokens', label: 'API tokens', href: paths.tokens(slug), shortcut: 'g t' }, { id: 'audit', label: 'Audit', href: paths.audit(slug), shortcut: 'g d' }]

/** The nouns of a tenant, ten at most. */
export const tenantNouns = (slug: string, role: 'admin' | 'member'): Destination[] => [
  { id: 'pods', label: 'Pods', href: paths.pods(slug), icon: Box, shortcut: 'g p' },
  { id: 'services', label: 'Services', href: paths.services(slug), icon: Waypoints, shortcut: 'g s', beside: [{ id: 'load-balancers', label: 'Load balancers', href: paths.loadBalancers(slug), shortcut: 'g b' }, { id: 'floating-addresses', label: 'Floating addresses', href: paths.floatingAddresses(slug), shortcut: 'g f' }] },
  { id: 'networks', label: 'Networks', href: paths.networks(slug), icon: Network, shortcut: 'g n' },
  { id: 'security-groups', label: 'Security groups', href: paths.securityGroups(slug), icon: Shield, shortcut: 'g r', beside: [{ id: 'network-policies', label: 'Network policies', href: paths.networkPolicies(slug), shortcut: 'g l' }] },
  { id: 'volumes', label: 'Volumes', href: paths.volumes(slug), icon: HardDrive, shortcut: 'g v', beside: [{ id: 'volume-claims', label: 'Claims', href: paths.volumeClaims(slug) }, { id: 'volume-snapshots', label: 'Snapshots', href: paths.volumeSnapshots(slug) }, { id: 'snapshot-schedules', label: 'Snapshot schedules', href: paths.snapshotSchedules(slug) }] },
  { id: 'configuration', label: 'Configuration', href: paths.configMaps(slug), icon: SlidersHorizontal, beside: configurationTabs(slug) },
  { id: 'namespaces', label: 'Namespaces', href: paths.namespaces(slug), icon: Container, shortcut: 'g a' },
  { id: 'images', label: 'Images', href: paths.images(slug), icon: Image, shortcut: 'g i' },
  { id: 'figures', label: 'Top and starts', href: paths.top(slug), icon: Gauge, beside: figuresTabs(slug) },
  role === 'admin'
    ? { id: 'access', label: 'Tokens and audit', href: paths.tokens(slug), icon: KeyRound, beside: accessTabs(slug) }
    : { id: 'tokens', label: 'API tokens', href: paths.tokens(slug), icon: KeyRound, shortcut: 'g t' },
]

/** Every page that the nouns lead to, each once: where a noun has tabs, those. */
export const placesOf = (destinations: readonly Destination[]): (Place & { icon: LucideIcon })[] =>
  destinations.flatMap(({ beside = [], icon, ...own }) => [...(beside.some(({ href }) => href === own.href) ? [] : [own]), ...beside].map((place) => ({ ...place, icon })))

/** The operators' scope. */
export const systemNouns = (): Destination[] => [
  { id: 'hosts', label: 'Hosts', href: paths.hosts(), icon: Server, shortcut: 'g h' },
  { id: 'address-pools', label: 'Address pools', href: paths.addressPools(), icon: Globe, shortcut: 'g A' },
  { id: 'volume-stores', label: 'Volume stores', href: paths.volumeStores(), icon: HardDrive, shortcut: 'g V', beside: [{ id: 'storage-classes', label: 'Storage classes', href: paths.storageClasses() }] },
  { id: 'top', label: 'Top', href: paths.top(), icon: Gauge, shortcut: 'g O' },
  { id: 'starts', label: 'Starts', href: paths.starts(), icon: Timer, shortcut: 'g W' },
  { id: 'approvals', label: 'Approvals', href: paths.approvals(), icon: UserRoundCheck },
  { id: 'mail', label: 'Mail', href: paths.mail(), icon: Mail },
]
