import type { BalancerDetail } from '@/domain/load-balancer/view'

/** What of a balancer is counted apart, as figures name it: the whole, each rule once, each backend. */
export function partsOf({ model, backends }: Pick<BalancerDetail, 'model' | 'backends'>): { value: string; label: string }[] {
  const rules = new Map((model?.listeners ?? []).flatMap((listener) => listener.rules.map(({ id, host, path }) => [`rule/${id}`, `Rule ${host ?? 'every host'}${path?.value ?? ''}`] as const)))
  return [{ value: '', label: 'All of it' }, ...[...rules].map(([value, label]) => ({ value, label })), ...backends.map(({ name, service, port }) => ({ value: `backend/${name}`, label: `Backend ${service}:${port}` }))]
}
