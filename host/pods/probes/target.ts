import type { Duplex } from 'node:stream'
import type { ContainerSpec } from '@/domain/pod/spec'
import { resolvePort } from '@/domain/pod/probe'
import { GuestRefusal, type Guest } from '../ports'
import type { Clock } from '../clock'

/** The container that a check is about, and how to reach it. `isPaused`: whether the pod stands still for a store of volumes, and cannot answer. */
export type CheckTarget = { guest: Pick<Guest, 'exec' | 'openTunnel'>; clock: Clock; container: ContainerSpec; podIP: string; isPaused?: () => boolean }

/** A port of the container by number or name; the spec's schema has checked that the name is there. */
export function portOf({ container }: CheckTarget, port: number | string): number {
  const number = resolvePort(port, container.ports)
  if (number === null) throw new Error(`no port of the container is called "${port}"`)
  return number
}

/** A connection to a port of the pod that is destroyed at the signal, also where it is made only after that. */
export async function connect(guest: CheckTarget['guest'], port: number, timeoutMs: number, signal: AbortSignal): Promise<Duplex> {
  const opening = guest.openTunnel(port, Math.max(1, Math.min(60_000, Math.ceil(timeoutMs))))
  const end = () => void opening.then((tunnel) => tunnel.destroy(), () => {})
  const followed = (tunnel: Duplex) => {
    // Whatever comes late on a connection that was ended is of no interest to anybody.
    tunnel.on('error', () => {})
    tunnel.once('close', () => signal.removeEventListener('abort', end))
  }
  void opening.then(followed, () => {})
  if (signal.aborted) end()
  signal.addEventListener('abort', end, { once: true })
  return opening
}

/** Why a connection could not be had, for the tenant. */
export const refusal = (error: unknown, port: number): string =>
  error instanceof GuestRefusal && error.code === 'ConnectionRefused' ? `nothing listens on port ${port}` : error instanceof Error ? error.message : String(error)
