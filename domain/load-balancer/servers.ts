import type { CompiledBalancer } from './compiled'
import type { BalancerServerView } from './view'

type Address = { ip: string; targetRef?: { kind: string; namespace?: string | undefined; name: string; uid?: string | undefined } | undefined }
/** Subsets of Endpoints as they are stored: addresses times ports. */
export type BackendSubset = { addresses: readonly Address[]; notReadyAddresses: readonly Address[]; ports: readonly { name?: string | undefined; protocol: 'TCP' | 'UDP'; port: number }[] }
/** A service behind a balancer, with its endpoints. `weights`: what pods ask for, by uid. */
export type BackendService = { ports: readonly { name?: string | undefined; protocol: 'TCP' | 'UDP'; port: number }[]; subsets: readonly BackendSubset[] }
/** What the balancer's host said: `down` are servers that its own checks took out, as `backend/address:port`; null: it has said nothing yet. */
export type SeenServers = { down: readonly string[] } | null

/** The port of a service that a backend stands for: by its name, else by its number. */
export const backendPort = (service: Pick<BackendService, 'ports'> | undefined, port: string | number): BackendService['ports'][number] | null => service?.ports.find((one) => one.name === port) ?? service?.ports.find((one) => one.port === port) ?? null

/** Who is behind a backend, each address and port once: those that are ready first, and what the balancer makes of them. */
export function serverViews({ backend, port }: Pick<CompiledBalancer['services'][number], 'backend' | 'port'>, service: BackendService | undefined, weights: ReadonlyMap<string, number>, seen: SeenServers): BalancerServerView[] {
  const of = backendPort(service, port)
  const down = new Set(seen?.down ?? [])
  const views = new Map<string, BalancerServerView>()
  for (const [list, ready] of [['addresses', true], ['notReadyAddresses', false]] as const) {
    for (const subset of of === null ? [] : (service?.subsets ?? [])) {
      for (const own of subset.ports.filter(({ name, protocol }) => name === of?.name && protocol === of?.protocol)) {
        for (const { ip, targetRef } of subset[list]) {
          const isDown = !ready || [`${backend}/${ip}:${own.port}`, `${backend}/[${ip}]:${own.port}`].some((name) => down.has(name))
          const pod = targetRef?.kind === 'Pod' ? { namespace: targetRef.namespace ?? '', name: targetRef.name } : null
          const weight = weights.get(targetRef?.uid ?? '') ?? 1
          const health = isDown ? 'down' : seen === null ? 'unknown' : weight === 0 ? 'draining' : 'up'
          const key = `${ip} ${own.port}`
          if (!views.has(key)) views.set(key, { address: ip, port: own.port, pod, weight, health })
        }
      }
    }
  }
  return [...views.values()]
}
