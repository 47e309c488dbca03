import { isIp } from '@/domain/shared/ip'
import { reachabilityQuestion, type ReachabilityQuestion } from '@/domain/network/reachability'

/** A question as the address of the page has it. */
export type Asked = { from: string; kind: 'pod' | 'service' | 'address'; to: string; protocol: ReachabilityQuestion['protocol']; port: string }

const kinds = ['pod', 'service', 'address'] as const
const protocols = ['tcp', 'udp', 'icmp'] as const

export function readAsked(get: (key: string) => string): Asked {
  return { from: get('from'), kind: kinds.find((kind) => kind === get('kind')) ?? 'pod', to: get('to').trim(), protocol: protocols.find((protocol) => protocol === get('protocol')) ?? 'tcp', port: get('port').trim() }
}

/** "namespace/name", or a name in the namespace `default`. */
function named(text: string): { namespace: string; name: string } | null {
  const [first = '', second, ...rest] = text.split('/')
  if (rest.length > 0 || first === '') return null
  return second === undefined ? { namespace: 'default', name: first } : { namespace: first, name: second }
}

export type AskedProblem = { field: 'from' | 'to' | 'port'; message: string }

/**
 * The question to send, what is wrong with a field, or neither while something is missing still. A service's port may be left out: it may
 * have a single one.
 */
export function toQuestion({ from, kind, to, protocol, port }: Asked): { question: ReachabilityQuestion | null; problem: AskedProblem | null } {
  const problem = (field: AskedProblem['field'], message: string) => ({ question: null, problem: { field, message } })
  if (port !== '' && protocol !== 'icmp' && !(/^\d{1,5}$/.test(port) && Number(port) >= 1 && Number(port) <= 65535)) return problem('port', 'Must be a port, 1 to 65535')
  if (from === '' || to === '') return { question: null, problem: null }
  const [asker, target] = [named(from), named(to)]
  if (!asker) return problem('from', 'Write namespace/name')
  if (kind === 'address' && !isIp(to)) return problem('to', 'Must be an IP address')
  if (kind !== 'address' && !target) return problem('to', 'Write namespace/name')
  if (port === '' && protocol !== 'icmp' && kind !== 'service') return { question: null, problem: null }
  const read = reachabilityQuestion.safeParse({ from: asker, to: kind === 'address' ? { kind, address: to } : { kind, ...target }, protocol, port: protocol === 'icmp' || port === '' ? null : Number(port) })
  return read.success ? { question: read.data, problem: null } : problem(read.error.issues[0]?.path[0] === 'from' ? 'from' : 'to', 'Is not a name')
}
