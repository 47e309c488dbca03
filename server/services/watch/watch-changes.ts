import { z } from 'zod'
import { changeEvent, type ChangeEvent } from '@/domain/shared/change-event'
import { dnsLabel } from '@/domain/shared/names'
import type { Actor, Scope } from '@/server/auth/scope'
import { formatCursor, type Change } from '@/server/store/change-feed'
import type { ServerContext } from '../context'
import { followerIn, followFeed } from './follow-feed'

export const watchChangesInput = z.object({
  /** Only what is in this namespace, or in none. */
  namespace: dnsLabel.optional(),
  /** Where to begin: one of the watch's own, or none for now. */
  resourceVersion: z.string().max(64).optional(),
  /** Set by the client's library on a reconnect. */
  lastEventId: z.string().max(64).nullish(),
})
export const watchPlatformInput = watchChangesInput.omit({ namespace: true })
export const watchChangesOutput = changeEvent

/** What a balancer's page is made of; a service's; an address'. */
export const balancerKinds: ReadonlySet<string> = new Set(['LoadBalancer', 'Service', 'Ingress', 'Endpoints', 'FloatingAddress', 'Secret', 'PodWeight'])
export const serviceKinds: ReadonlySet<string> = new Set(['Service', 'Endpoints', 'LoadBalancer', 'FloatingAddress'])
export const addressKinds: ReadonlySet<string> = new Set(['FloatingAddress', 'LoadBalancer'])
/** A volume changes with who has it; a claim is what its volume is. */
export const volumeKinds: ReadonlySet<string> = new Set(['Volume', 'VolumeSnapshot', 'VolumeClaim'])
export const claimKinds: ReadonlySet<string> = new Set(['VolumeClaim', 'Volume'])
/** What a timeline of snapshots is made of, and what takes them. */
export const snapshotKinds: ReadonlySet<string> = new Set(['VolumeSnapshot', 'SnapshotSchedule', 'Volume'])

/** What stores of volumes are to operators: what is kept there changes with volumes that come, are made and go. */
export const storeKinds: ReadonlySet<string> = new Set(['VolumeStore', 'VolumeRoom', 'StorageClass', 'VolumePlace'])

/** Tells when something of these kinds changed in the tenant: once a batch, however much. What it is now is read by who is told. */
export async function* watchChanges(ctx: ServerContext, scope: Scope, kinds: ReadonlySet<string>, input: z.output<typeof watchChangesInput>, signal: AbortSignal): AsyncGenerator<ChangeEvent> {
  const concerns = (namespace: string | null) => input.namespace === undefined || namespace === null || namespace === input.namespace
  for await (const { changes, cursor } of followFeed(ctx, followerIn(scope), input.lastEventId ?? input.resourceVersion, signal)) {
    const changed = changes.some((one) => one.tenantId === scope.tenantId && kinds.has(one.kind) && concerns(one.namespace))
    yield { type: changed ? 'changed' : 'bookmark', resourceVersion: formatCursor(cursor) }
  }
}

/** The same of what is no tenant's, for operators. */
export async function* watchPlatform(ctx: ServerContext, actor: Actor, kinds: ReadonlySet<string>, input: z.output<typeof watchPlatformInput>, signal: AbortSignal): AsyncGenerator<ChangeEvent> {
  const concerns = ({ kind, tenantId }: Change) => tenantId === null && kinds.has(kind)
  for await (const { changes, cursor } of followFeed(ctx, { credentialId: actor.credentialId, concerns }, input.lastEventId ?? input.resourceVersion, signal)) {
    yield { type: changes.some(concerns) ? 'changed' : 'bookmark', resourceVersion: formatCursor(cursor) }
  }
}
