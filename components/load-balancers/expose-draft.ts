import type { PodView } from '@/domain/pod/view'

export type ExposePort = { port: number; name: string | null; container: string }

/** The TCP ports that a pod's containers declare, those that look like web pages first. */
export function exposePorts(spec: PodView['spec']): ExposePort[] {
  const all = spec.containers.flatMap(({ name: container, ports }) => ports.filter(({ protocol }) => protocol === 'TCP').map(({ containerPort, name }) => ({ port: containerPort, name: name ?? null, container })))
  return all.toSorted((a, b) => Number(looksLikeWeb(b)) - Number(looksLikeWeb(a)))
}

const webPorts = [80, 443, 3000, 5000, 8000, 8080, 8081, 8888, 9000]
/** Whether a port is probably spoken to by browsers. */
export const looksLikeWeb = ({ port, name }: Pick<ExposePort, 'port' | 'name'>): boolean => webPorts.includes(port) || /http|web/.test(name ?? '')

/** Why what is typed is no port, or null. */
export const portProblem = (typed: string): string | null => (/^\d{1,5}$/.test(typed.trim()) && Number(typed) >= 1 && Number(typed) <= 65_535 ? null : 'A port is a number from 1 to 65535.')
