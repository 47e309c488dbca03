import { createHash } from 'node:crypto'
import type { BalancerModel } from '@/domain/load-balancer/model'
import type { Certificate } from '../ports'
import { fileOf } from './certificates'
import { configurationFiles, servedListeners, type HaproxyPlan } from './configuration'
import { certificateFile } from './places'

/** All files that HAProxy reads, by name. */
export const filesOf = (plan: HaproxyPlan, certificates: ReadonlyMap<string, Certificate>): Map<string, string> => new Map([...configurationFiles(plan), ...[...certificates.values()].map((certificate) => [certificateFile(certificate.id), fileOf(certificate)] as const)])
/** All that needs a reload. */
export const shapeOf = (plan: HaproxyPlan): string => createHash('sha256').update(JSON.stringify([...configurationFiles({ ...plan, servers: new Map() })])).digest('hex')
/** Parts of which it counts what passes: the whole, rules and backends. */
export const namedParts = ({ listeners, backends }: BalancerModel): Set<string> => new Set(['', ...listeners.flatMap(({ rules }) => rules.map(({ id }) => `rule/${id}`)), ...backends.map(({ name }) => `backend/${name}`)])

/** What of it cannot be served, for people; null: nothing. */
export function problemText(model: BalancerModel, certificates: ReadonlySet<string>, problems: readonly string[]): string | null {
  const served = new Set(servedListeners(model, certificates))
  const silent = model.listeners.filter((listener) => listener.protocol === 'https' && !served.has(listener)).map(({ port }) => port)
  const all = [...problems, ...(silent.length > 0 ? [`without a certificate nothing answers at port ${silent.join(', ')}`] : [])]
  return all.length === 0 ? null : `${all.slice(0, 5).join('; ')}. Upload the certificate and its key to its Secret again.`
}
