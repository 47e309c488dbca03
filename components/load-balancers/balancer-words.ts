import type { BalancerDetail, BalancerListItem, BalancerPhase, BalancerView } from '@/domain/load-balancer/view'
import { expiryWarningDays } from '@/domain/secret/certificate'
import type { StateShape } from '@/components/ui/state-badge'

type Model = NonNullable<BalancerView['model']>

/** A phase by shape and word. */
export const phaseShape: Readonly<Record<BalancerPhase, StateShape>> = { Pending: 'changing', Active: 'running', Degraded: 'unknown', Failed: 'failed' }

/** Reasons of its condition for which somebody has to do something. */
const stuck: ReadonlySet<string> = new Set(['NoAddress', 'NoAddressInNetwork', 'NoHost'])
/** Whether a balancer waits for what nobody is about to do. */
export const isStuck = ({ phase, conditions }: Pick<BalancerView['status'], 'phase' | 'conditions'>): boolean => phase === 'Pending' && conditions.some(({ status, reason }) => status !== 'True' && stuck.has(reason))

/** `80 http`, `443 https`; nothing where it cannot be carried out. */
export const listenersText = (model: Model | null): string => (model?.listeners ?? []).map(({ port, protocol }) => `${port} ${protocol}`).join(', ')

/** How many of the pods behind it take connections. */
export function backendsLook({ backendsReady: ready, backendsTotal: total }: Pick<BalancerView['status'], 'backendsReady' | 'backendsTotal'>): { shape: StateShape; text: string } {
  if (total === 0) return { shape: 'stopped', text: 'None' }
  return { shape: ready === total ? 'running' : ready === 0 ? 'failed' : 'unknown', text: `${ready} of ${total}` }
}

type Server = BalancerDetail['backends'][number]['servers'][number]
/** A server's health by shape and word. */
export const healthLook: Readonly<Record<Server['health'], { shape: StateShape; text: string }>> = {
  up: { shape: 'running', text: 'Up' },
  down: { shape: 'failed', text: 'Down' },
  draining: { shape: 'changing', text: 'Draining' },
  unknown: { shape: 'unknown', text: 'Not seen yet' },
}

/** A condition's message, what it says of each field on a line of its own. */
export const messageLines = (message: string): string => message.replace(/(?<=[.;]) (?=(?:spec|metadata)[.[])/g, '\n')

/** Why nobody is answered though the balancer runs: nothing behind it takes connections; null where something does, or it is not there yet. */
export function silenceOf({ status: { phase, backendsReady, backendsTotal }, backends }: Pick<BalancerDetail, 'status' | 'backends'>): string | null {
  if ((phase !== 'Active' && phase !== 'Degraded') || backends.length === 0 || backendsReady > 0) return null
  return backendsTotal === 0 ? 'No pod is ready for it.' : 'Each pod behind it is down or not ready: see why below.'
}

/** An address and port as a client writes them. */
export const addressText = (address: string, port: number): string => (address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`)

/** Where clients of what is no web page connect: every address with every port of tcp and udp. */
export const otherEndpoints = (ports: BalancerListItem['ports'], { addresses }: Pick<BalancerView['status'], 'addresses'>): { text: string; protocol: string }[] =>
  ports.filter(({ protocol }) => protocol === 'tcp' || protocol === 'udp').flatMap(({ port, protocol }) => addresses.map((address) => ({ text: addressText(address, port), protocol })))

/** A rule as a table has it. */
export type RuleRow = { key: string; listener: string; host: string | null; path: string; backend: string; redirect: number | null }

/** Every rule of every listener in the order in which they are tried; what fits none stands last. */
export function ruleRows({ model, backends }: Pick<BalancerDetail, 'model' | 'backends'>): RuleRow[] {
  const to = (name: string | null) => {
    if (name === null) return '404 Not Found'
    const found = backends.find((each) => each.name === name)
    return found ? `${found.service}:${found.port}` : name
  }
  return (model?.listeners ?? []).flatMap(({ port, protocol, rules, defaultBackend, redirectToHttps }) => {
    const listener = `${port} ${protocol}`
    const row = (key: string, host: string | null, path: string, backend: string | null): RuleRow => ({ key: `${listener} ${key}`, listener, host, path, backend: to(backend), redirect: redirectToHttps })
    if (redirectToHttps !== null) return [row('redirect', null, 'Everything', null)]
    return [...rules.map((rule) => row(rule.id, rule.host, rule.path === null ? 'Every path' : rule.path.type === 'Exact' ? `${rule.path.value} alone` : `${rule.path.value} and below`, rule.backend)), row('default', null, rules.length > 0 ? 'Everything else' : 'Everything', defaultBackend)]
  })
}

const day = 86_400_000
/** How near a certificate's end is: a warning from 30 days before on. */
export function expiryOf(notAfter: string, now: number): { tone: 'success' | 'notice' | 'error'; days: number } {
  const left = Date.parse(notAfter) - now
  return { tone: left <= 0 ? 'error' : left < expiryWarningDays * day ? 'notice' : 'success', days: Math.floor(left / day) }
}
