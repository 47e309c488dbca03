import { createHash, randomBytes, randomUUID } from 'node:crypto'
import { initTRPC, TRPCError } from '@trpc/server'
import { z } from 'zod'
import { challengeOutput, fetchUploadInput, fetchUploadOutput, heartbeatInput, helloInput, helloOutput, type DesiredMessage } from '@/contracts/host/v1'
import { figuresInput } from '@/contracts/host/v1/figures'
import type { KeyRing } from '@/platform/crypto/key-ring'
import { configurationReferences } from '@/domain/pod/configuration'
import type { Logger } from '@/platform/logger'
import { figureRows } from '@/platform/metrics'
import { listAssignments } from '@/server/store/assignments'
import { inTransaction, type DatabaseClient } from '@/server/store/database'
import { storeFigures } from '@/server/store/figures'
import { findHostByKey, holdConnection, recordHeartbeat, recordHello, reviveHost } from '@/server/store/hosts'
import { recordStarts } from '@/server/store/pod-starts'
import { forgetImages, storeImages } from '@/server/store/images'
import { markUnreportedGone, storeHostEvent, storeReport } from '@/server/store/reports'
import { configurationRevision, listHostConfiguration } from '@/server/store/pod-configuration'
import { makesVolumeOfUpload } from '@/server/store/volume-uploads'
import { countReport } from './count-report'
import { ExternalStream } from './external-objects'
import { verifyHello } from './host-identity'
import { HostSession, type HostSessions } from './host-sessions'
import { SentConfiguration, toConfigurationMessage } from './pod-configuration'
import { tellLeftOut } from './left-out'
import { ToldNetworks } from './network-objects'
import { openPrePulls, planPrePulls } from './pre-pulls'
import { readChanges } from './read-changes'
import { readReport, receivedReport } from './read-report'
import { VolumeStream } from './volume-stream'

const heartbeatSeconds = 5

/** One connection: its nonce, and the session that a valid hello made. */
export type HostConnection = {
  db: DatabaseClient
  keyRing: KeyRing
  log: Logger
  sessions: HostSessions
  nonce: string | null
  session: HostSession | null
  /** A hello was signed by a registered host's key. */
  proven?(): void
  disconnect(): void
  /** A path that the host may dial once for an upload's archive. */
  offerUpload?: (uploadId: string) => string
  /** Resolves once the host has taken most of what was sent, so that not all of it stands in memory. */
  drained(): Promise<void>
}

const t = initTRPC.context<HostConnection>().create()

const refuse = (message: string) => new TRPCError({ code: 'UNAUTHORIZED', message })

const hostProcedure = t.procedure.use(({ ctx, next }) => {
  if (!ctx.session || ctx.session.closed) throw refuse('Say hello first.')
  return next({ ctx: { session: ctx.session } })
})

/** What hosts call; see contracts/host/v1. The control stream carries desired state, reports and heartbeats, nothing else. */
export const hostRouter = t.router({
  host: t.router({
    challenge: t.procedure.output(challengeOutput).query(({ ctx }) => {
      ctx.nonce = randomBytes(32).toString('base64url')
      return { nonce: ctx.nonce }
    }),
    hello: t.procedure.input(helloInput).output(helloOutput).mutation(async ({ ctx, input }) => {
      const nonce = ctx.nonce
      ctx.nonce = null
      if (!nonce || !verifyHello(input, nonce)) throw refuse('The hello is not signed by the key that it names.')
      const host = await findHostByKey(ctx.db, input.publicKey)
      if (!host) throw refuse('This host is not registered.')
      const connection = randomUUID()
      if (!(await inTransaction(ctx.db, (tx) => recordHello(tx, host.id, input, connection)))) throw refuse(`Host ${host.name} was declared lost: an operator has to readmit it before it may connect.`)
      ctx.session = new HostSession(host.id, input.bootId, connection, ctx.disconnect, input.capabilities?.includes('networkObjects') ?? false, input.capabilities?.includes('externalObjects') ?? false, input.capabilities?.includes('volumeObjects') ?? false)
      ctx.sessions.add(ctx.session)
      ctx.proven?.()
      ctx.log.info({ host: host.name, accelerator: input.accelerator }, `host ${host.name} is connected`)
      return { hostId: host.id, heartbeatSeconds }
    }),
    desired: hostProcedure.subscription(({ ctx, signal }) => desiredMessages(ctx, ctx.session, signal)),
    report: hostProcedure.input(receivedReport).output(z.object({ stored: z.number().int() })).mutation(async ({ ctx, input: received }) => {
      const { hostId, bootId, connection } = ctx.session
      if (received.bootId !== bootId) throw refuse('The report is of another boot than the hello.')
      const input = readReport(received, hostId, ctx.log)
      const { stored, starts } = await inTransaction(ctx.db, async (tx) => {
        if (!(await holdConnection(tx, hostId, connection))) throw refuse('This host has said hello on another connection since.')
        const starts = await recordStarts(tx, hostId, input.pods)
        let stored = 0
        for (const report of input.pods) if (await storeReport(tx, hostId, bootId, input.sequence, report)) stored += 1
        if (input.complete) await markUnreportedGone(tx, hostId, bootId, input.sequence, input.named)
        for (const event of input.events) await storeHostEvent(tx, hostId, event)
        if (input.complete) await forgetImages(tx, hostId)
        await storeImages(tx, hostId, input.images)
        return { stored, starts }
      }, { repeatable: true })
      ctx.session.externalReports.take(ctx.session, input.external, input.complete ? input.answering : null)
      ctx.session.volumeReports.take(ctx.session, input.volumes, input.stores, input.complete ? input.namedVolumes : null)
      await ctx.session.externalReports.store(ctx, ctx.session)
      await ctx.session.volumeReports.store(ctx, ctx.session)
      countReport(input.pods.length, stored, starts)
      return { stored }
    }),
    /** The archive of an upload that a pod here, a pre-pull, or a volume that is to be made here names; no other. */
    fetchUpload: hostProcedure.input(fetchUploadInput).output(fetchUploadOutput).mutation(async ({ ctx, input }) => {
      const [assignments, planned] = await Promise.all([listAssignments(ctx.db, ctx.session.hostId), planPrePulls(ctx.db)])
      const named = [...assignments.flatMap(({ uploads = [] }) => uploads), ...planned.prePulls.flatMap(({ upload }) => upload ?? [])]
      const isNamed = named.some(({ uploadId }) => uploadId === input.uploadId) || (await makesVolumeOfUpload(ctx.db, ctx.session.hostId, input.uploadId))
      if (!ctx.offerUpload || !isNamed) throw new TRPCError({ code: 'NOT_FOUND', message: 'No pod or volume of this host names this upload.' })
      return { url: ctx.offerUpload(input.uploadId) }
    }),
    /** Off the reports' way: what cannot be stored is a gap, and the host does not wait for it. */
    figures: hostProcedure.input(figuresInput).output(z.object({ stored: z.number().int() })).mutation(async ({ ctx, input }) => {
      if (input.bootId !== ctx.session.bootId) throw refuse('The figures are of another boot than the hello.')
      const stored = await storeFigures(ctx.db, ctx.session.hostId, input)
      figureRows.inc(stored)
      return { stored }
    }),
    heartbeat: hostProcedure.input(heartbeatInput).output(z.object({ current: z.boolean() })).mutation(async ({ ctx, input }) => {
      const { hostId, connection, lease } = ctx.session
      const current = await lease.heartbeat(input.externalLeased, (isKnown) => recordHeartbeat(ctx.db, hostId, input.bootId, isKnown === null ? null : { connection, isKnown }))
      if (current) await reviveHost(ctx.db, hostId)
      return { current }
    }),
  }),
})
export type HostRouter = typeof hostRouter

/**
 * The complete desired set at once and after every change of it, what the host answers for on the outside and keeps of volumes after that, and streams to open as they are asked for. What the set's
 * pods name of ConfigMaps and Secrets comes before it, a message a pod, opened one at a time; and what their networks hold comes before all.
 */
async function* desiredMessages(connection: HostConnection, session: HostSession, signal: AbortSignal | undefined): AsyncGenerator<DesiredMessage> {
  const onAbort = () => session.wake()
  signal?.addEventListener('abort', onAbort)
  const { db } = connection
  const given = new SentConfiguration()
  const told = new ToldNetworks()
  const streams = [new ExternalStream(connection, session), new VolumeStream(connection, session)]
  const tellObjects = async function* (): AsyncGenerator<DesiredMessage> {
    for (const stream of streams) {
      for await (const message of stream.messages((podUid) => told.wasSent(podUid))) {
        if (signal?.aborted) return
        yield message
        await connection.drained()
      }
    }
  }
  let revision = ''
  while (!session.closed && !signal?.aborted) {
    await session.nextWake()
    if (signal?.aborted) return
    yield* session.takeMessages()
    const { listed, messages, leftOut } = await readChanges(db, session, told, connection.sessions, connection.log)
    for (const message of messages) {
      if (signal?.aborted) return
      yield message
      await connection.drained()
    }
    for (const [networkId, message] of leftOut) await tellLeftOut(db, networkId, message).catch((err: unknown) => connection.log.warn({ err, networkId }, 'what a network has too much of could not be said'))
    if (!listed) {
      yield* tellObjects()
      yield* session.takeMessages()
      continue
    }
    // Read after the set, it may know of pods that the set does not name yet: a host forgets what is of no pod of the set.
    const named = new Set(listed.map((assignment) => assignment.uid))
    const isNamed = listed.some(({ spec }) => configurationReferences(spec).length > 0)
    const [known, plan] = await Promise.all([isNamed ? listHostConfiguration(db, session.hostId) : [], planPrePulls(db)])
    const states = known.filter((state) => named.has(state.podUid))
    for (const state of given.outstanding(states)) {
      const message = await toConfigurationMessage(connection, state)
      if (signal?.aborted) return
      yield message
      given.sent(message)
      yield* session.takeMessages()
      await connection.drained()
    }
    const revisions = new Map(states.map((state) => [state.podUid, configurationRevision(state)]))
    const assignments = listed.map((assignment) => ({ ...assignment, configurationRevision: revisions.get(assignment.uid) ?? null }))
    const next = createHash('sha256').update(JSON.stringify([assignments, plan.revision])).digest('hex').slice(0, 32)
    if (next !== revision) {
      revision = next
      const prePulls = await openPrePulls(connection, plan)
      yield { kind: 'desired', revision, assignments, ...(prePulls.length > 0 ? { prePulls } : {}) }
    }
    yield* tellObjects()
    yield* session.takeMessages()
  }
}
