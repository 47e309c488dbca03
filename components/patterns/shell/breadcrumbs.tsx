'use client'
import Link from 'next/link'
import { usePathname } from 'next/navigation'
import { Fragment } from 'react'

type Crumb = { label: string; href?: string }

const words: Record<string, string> = {
  pods: 'Pods', 'config-maps': 'ConfigMaps', secrets: 'Secrets', 'config-maps-new': 'ConfigMaps', 'secrets-new': 'Secrets', edit: 'Edit', networks: 'Networks', namespaces: 'Namespaces', images: 'Images', 'images-upload': 'Images', 'images-pre-pull': 'Images', tokens: 'API tokens', audit: 'Audit',
  'load-balancers': 'Load balancers', 'load-balancers-new': 'Load balancers', certificates: 'Certificates', options: 'Options',
  services: 'Services', 'services-new': 'Services', apply: 'Apply YAML', topology: 'Topology', peerings: 'Peerings', 'peerings-new': 'Create peering', reachability: 'Reachability', rules: 'Rules',
  'security-groups': 'Security groups', 'security-groups-new': 'Security groups', 'network-policies': 'Network policies', 'network-policies-new': 'Network policies',
  'floating-addresses': 'Floating addresses', 'floating-addresses-new': 'Floating addresses', associate: 'Associate', 'address-pools': 'Address pools', 'address-pools-new': 'Create address pool', 'address-pools-quota': 'Set quota',
  volumes: 'Volumes', 'volumes-new': 'Volumes', attach: 'Attach', grow: 'Grow', limits: 'Limits', rename: 'Rename', snapshots: 'Snapshots', 'snapshots-new': 'Take snapshot', 'volume-claims': 'Claims', 'volume-claims-new': 'Claims', 'volume-snapshots': 'Snapshots', 'snapshot-schedules': 'Snapshot schedules', 'snapshot-schedules-new': 'Snapshot schedules',
  'volume-stores': 'Volume stores', 'volume-stores-new': 'Create volume store', 'volume-quota': 'Set quota', 'storage-classes': 'Storage classes', 'storage-classes-new': 'Create storage class',
  'networks-new': 'Networks', 'namespaces-new': 'Namespaces', 'tokens-new': 'API tokens',
  top: 'Top', starts: 'Starts', traffic: 'Traffic', figures: 'Figures', files: 'Files', ports: 'Ports', logs: 'Logs', terminal: 'Terminal', events: 'Events', yaml: 'YAML', hosts: 'Hosts', mail: 'Mail', approvals: 'Approvals', account: 'Account', system: 'System',
}

/** The route as crumbs; tenant and namespace stand in the pickers before them. */
export function crumbsOf(pathname: string): Crumb[] {
  const [scope = '', ...rest] = pathname.split('/').filter(Boolean).map(decodeURIComponent)
  if (scope !== 't') return [{ label: words[scope] ?? scope }, ...rest.map((part, i) => ({ label: words[part] ?? part, ...(i === 0 && rest.length > 1 && { href: `/${scope}/${part}` }) }))]
  // Of a balancer's address the kind of what asked for it is no crumb.
  const named = rest[1] === 'load-balancers' && rest.length > 4 ? rest.toSpliced(2, 1) : rest
  const [tenant = '', noun = '', first, second, tab] = named
  const base = `/t/${encodeURIComponent(tenant)}`
  const list: Crumb = { label: words[noun] ?? noun, ...((first !== undefined || noun.endsWith('-new')) && { href: `${base}/${noun.replace(/-new$/, '')}` }) }
  if (noun.endsWith('-new')) return [list, { label: 'Create' }]
  if (noun === 'pods' && first === 'new' && second === undefined) return [list, { label: 'Create' }]
  if (['pods', 'config-maps', 'secrets', 'services', 'network-policies', 'load-balancers', 'volume-claims'].includes(noun) && first !== undefined && second !== undefined) {
    const object = `${base}/${noun}/${rest.slice(2, rest.length > named.length ? 5 : 4).map(encodeURIComponent).join('/')}`
    return tab ? [list, { label: second, href: object }, { label: words[tab] ?? tab }] : [list, { label: second }]
  }
  // What stands in no namespace has its tabs one place earlier.
  if (first !== undefined && second !== undefined) return [list, { label: first, href: `${base}/${noun}/${encodeURIComponent(first)}` }, { label: words[second] ?? second }]
  return first === undefined ? [list] : [list, { label: first }]
}

export function Breadcrumbs() {
  const crumbs = crumbsOf(usePathname())
  return (
    <nav aria-label="Breadcrumbs" className="min-w-0 max-md:hidden">
      <ol className="flex min-w-0 items-center text-sm">
        {crumbs.map((crumb, i) => (
          <Fragment key={i}>
            <li aria-hidden className="px-1.5 text-stroke-control">/</li>
            <li className="min-w-0 truncate">
              {crumb.href
                ? <Link href={crumb.href} className="inline-flex h-6 items-center rounded-sm px-1 text-faint hover:text-content">{crumb.label}</Link>
                : <span aria-current={i === crumbs.length - 1 ? 'page' : undefined} className="px-1 text-content">{crumb.label}</span>}
            </li>
          </Fragment>
        ))}
      </ol>
    </nav>
  )
}
