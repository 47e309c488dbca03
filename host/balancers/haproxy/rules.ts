import type { BalancerListener, BalancerRule } from '@/domain/load-balancer/model'
import { inBalancer } from './places'

/**
 * Rules are two maps, so that a thousand cost as much as one: of whole paths, and of beginnings, of which HAProxy takes the longest. A key is the port, the host and the
 * path: hosts have no slash, and every path begins with one. A beginning ends with a slash, for `/a` is none of `/ab`. A value is the rule, as figures and logs name it, and its backend.
 */
export const ruleMaps = { exact: 'exact.map', prefix: 'prefix.map' } as const

type Hosts = 'one' | 'below' | 'any'
const hostsOf = ({ host }: BalancerRule): Hosts => (host === null ? 'any' : host.startsWith('*.') ? 'below' : 'one')
const isExact = ({ path }: BalancerRule) => path?.type === 'Exact'
const keyOf = (port: number, { host, path }: BalancerRule): string => {
  const value = path?.value ?? '/'
  return `${port}:${host ?? '*'}${path?.type === 'Exact' ? value : `${value.replace(/\/+$/, '')}/`}`
}

/** The maps of all listeners. Of two rules with one key the one with a path is before the one without, and the first before the second. */
export function mapFiles(listeners: readonly BalancerListener[]): Map<string, string> {
  const maps = { exact: new Map<string, string>(), prefix: new Map<string, string>() }
  for (const { port, rules } of listeners) {
    for (const rule of [...rules.filter(({ path }) => path !== null), ...rules.filter(({ path }) => path === null)]) {
      const map = isExact(rule) ? maps.exact : maps.prefix
      const key = keyOf(port, rule)
      if (!map.has(key)) map.set(key, `rule/${rule.id}:${rule.backend}`)
    }
  }
  const text = (map: ReadonlyMap<string, string>) => [...map].map(([key, value]) => `${key} ${value}\n`).join('')
  return new Map([[ruleMaps.exact, text(maps.exact)], [ruleMaps.prefix, text(maps.prefix)]])
}

/** Lines that set, where there are rules, `txn.backend`, and `txn.part` to what a request is counted for (a rule, or the backend of those without), from `txn.host` and `txn.path`: exact host, wildcard, any; of each the whole path, then the longest beginning. */
export function routing({ port, rules, defaultBackend }: BalancerListener): string[] {
  const unset = 'if !{ var(txn.route) -m found }'
  const host = { one: 'concat(,txn.host,)', below: 'concat(*.,txn.parent,)', any: 'concat(*)' } as const
  const lookup = (hosts: Hosts, exact: boolean) => `http-request set-var(txn.route) str(${port}:),${host[hosts]},concat(,txn.path,${exact ? `),map_str(${inBalancer(ruleMaps.exact)})` : `/),map_beg(${inBalancer(ruleMaps.prefix)})`} ${unset}`
  const used = (hosts: Hosts, exact: boolean) => rules.some((rule) => hostsOf(rule) === hosts && isExact(rule) === exact)
  const lookups = (['one', 'below', 'any'] as const).flatMap((hosts) => [true, false].filter((exact) => used(hosts, exact)).map((exact) => lookup(hosts, exact)))
  return [
    ...(rules.some((rule) => hostsOf(rule) === 'below') ? ['http-request set-var(txn.parent) var(txn.host),field(2,.,0)'] : []),
    ...lookups,
    ...(lookups.length > 0 && defaultBackend !== null ? [`http-request set-var(txn.route) str(backend/${defaultBackend}:${defaultBackend}) ${unset}`] : []),
    ...(lookups.length > 0 ? ['http-request set-var(txn.part) var(txn.route),field(1,:)', 'http-request set-var(txn.backend) var(txn.route),field(2,:)'] : []),
  ]
}
