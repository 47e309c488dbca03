import { expect, it } from 'vitest'
import { crumbsOf } from './breadcrumbs'
import { placesOf, systemNouns, tenantNouns } from './navigation'

it.each(['admin', 'member'] as const)('a tenant has ten nouns at most for an %s, and no two shortcuts or pages are the same', (role) => {
  const nouns = tenantNouns('acme', role)
  expect(nouns.length).toBeLessThanOrEqual(10)
  const places = [...placesOf(nouns), ...placesOf(systemNouns())]
  const shortcuts = places.flatMap(({ shortcut }) => shortcut ?? [])
  expect(new Set(shortcuts).size).toBe(shortcuts.length)
  expect(new Set(places.map(({ href }) => href)).size).toBe(places.length)
  expect(places.some(({ id }) => id === 'audit')).toBe(role === 'admin')
})

it('crumbs lead from the list over the object to its tab', () => {
  expect(crumbsOf('/t/acme/services/default/web/yaml')).toEqual([{ label: 'Services', href: '/t/acme/services' }, { label: 'web', href: '/t/acme/services/default/web' }, { label: 'YAML' }])
  expect(crumbsOf('/t/acme/networks/net1/topology')).toEqual([{ label: 'Networks', href: '/t/acme/networks' }, { label: 'net1', href: '/t/acme/networks/net1' }, { label: 'Topology' }])
  expect(crumbsOf('/t/acme/load-balancers/service/default/web/rules')).toEqual([{ label: 'Load balancers', href: '/t/acme/load-balancers' }, { label: 'web', href: '/t/acme/load-balancers/service/default/web' }, { label: 'Rules' }])
  expect(crumbsOf('/t/acme/volume-claims/shop/db')).toEqual([{ label: 'Claims', href: '/t/acme/volume-claims' }, { label: 'db' }])
  expect(crumbsOf('/t/acme/load-balancers-new')).toEqual([{ label: 'Load balancers', href: '/t/acme/load-balancers' }, { label: 'Create' }])
  expect(crumbsOf('/t/acme/networks/net1')).toEqual([{ label: 'Networks', href: '/t/acme/networks' }, { label: 'net1' }])
  expect(crumbsOf('/t/acme/services-new')).toEqual([{ label: 'Services', href: '/t/acme/services' }, { label: 'Create' }])
})
