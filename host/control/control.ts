import { z } from 'zod'
import { challengeOutput, fetchUploadOutput, helloOutput, hostCapabilities, hostProtocolVersion, type Assignment, type DesiredMessage, type HeartbeatInput, type HelloInput, type PodConfigurationMessage, type PrePull, type ReportInput } from '@/contracts/host/v1'
import type { FiguresInput } from '@/contracts/host/v1/figures'
import type { NetworkMessage } from '@/contracts/host/v1/networks'
import type { StreamRequest } from '@/contracts/host/v1/streams'
import { uptimeMs } from '@/host/balancers/server-lease'
import type { Logger } from '@/platform/logger'
import { DesiredMessages } from './desired-messages'
import type { HostIdentity } from './identity'
import type { Reporter } from './reporter'
import { ServerConnection } from './server-connection'

/** What the hello says of this host beside its name and proof. */
export type HostDescription = Omit<HelloInput, 'version' | 'publicKey' | 'signature' | 'bootId' | 'capacity' | 'capabilities'>

export type ControlOptions = {
  url: string
  identity: HostIdentity
  bootId: string
  /** Asked anew for each hello: memory and disks of a host change. */
  describe: () => Promise<HostDescription & Pick<HelloInput, 'capacity'>>
  heartbeat: () => Promise<Omit<HeartbeatInput, 'bootId'>>
  reporter: Reporter
  /** Whether this host has a pod already, told of on whichever connection; missing: what it was told of before counts alone. */
  hasPod?: (uid: string) => boolean
  onDesired: (assignments: Assignment[], prePulls: PrePull[]) => void
  /** Told how to ask for a tenant's upload on this connection: a path to be dialled. */
  onUploads?: (locate: (uploadId: string) => Promise<string>) => void
  onConfiguration?: (message: PodConfigurationMessage) => void
  onNetwork?: (message: NetworkMessage) => void
  /** Addresses of the outside, balancers and their certificates; without it this host says that it has none. */
  onExternal?: (message: Extract<DesiredMessage, { kind: 'externalObjects' | 'certificates' | 'openBalancerLog' | 'openBalancerServers' }>) => void
  /** Volumes, their snapshots and stores, and keys of stores; without it this host says that it has none. */
  onVolumes?: (message: Extract<DesiredMessage, { kind: 'volumeObjects' | 'storeSecrets' }>) => void
  /** A connection begins: what comes of volumes begins with all of it. */
  onVolumesBegin?: () => void
  /** A connection begins: what comes of the outside begins with all of it. */
  onExternalBegin?: () => void
  /** The server answered what was asked at this time of this host's uptime, in milliseconds. */
  onHeard?: (askedAt: number) => void
  onOpen: (url: string, request: StreamRequest) => void
  /** Told how to send figures on this connection; it fails once the connection is over. */
  onFigures?: (send: (batch: FiguresInput) => Promise<void>) => void
  onConnected: () => void
  log: Logger
}

const firstRetryMs = 200
const lastRetryMs = 5_000

/** The wait before the next try: doubling from 0.2 s to 5 s, between half and all of it so that hosts do not come at once. */
export const retryDelay = (attempt: number, random: number): number => Math.min(firstRetryMs * 2 ** attempt, lastRetryMs) * (0.5 + random / 2)

/**
 * The control stream: hello, the complete desired set and its changes, reports, heartbeats. Connects again for ever; a new
 * connection begins with hello, the whole desired set and a complete report. Returns when the signal is aborted.
 */
export async function keepControl(options: ControlOptions, signal: AbortSignal): Promise<void> {
  const messages = new DesiredMessages(options.hasPod ?? (() => false), options.log)
  for (let attempt = 0; !signal.aborted; attempt += 1) {
    const connection = new ServerConnection(options.url)
    const abort = () => connection.close('this host ends')
    signal.addEventListener('abort', abort)
    try {
      await session(connection, options, messages, () => (attempt = 0))
    } catch (error) {
      connection.close(error instanceof Error ? error.message : String(error))
    }
    options.reporter.detach()
    signal.removeEventListener('abort', abort)
    if (signal.aborted) return
    const delayMs = retryDelay(attempt, Math.random())
    options.log.warn({ cause: await connection.closed, retryMs: Math.round(delayMs) }, 'no connection to the server')
    await pause(delayMs, signal)
  }
}

async function session(connection: ServerConnection, options: ControlOptions, messages: DesiredMessages, onConnected: () => void): Promise<void> {
  const { identity, bootId, reporter, log } = options
  const [{ nonce }, description] = await Promise.all([connection.query('host.challenge', challengeOutput), options.describe()])
  const hello: HelloInput = { version: hostProtocolVersion, ...description, capabilities: hostCapabilities.filter((one) => (one === 'volumeObjects' ? options.onVolumes : one === 'networkObjects' || options.onExternal)), publicKey: identity.publicKey, signature: identity.signHello(nonce, bootId), bootId }
  const askedAt = uptimeMs()
  const { hostId, heartbeatSeconds } = await connection.mutate('host.hello', hello, helloOutput)
  // Before it counts as heard of: what was let go is said anew on this connection.
  options.onExternalBegin?.()
  options.onVolumesBegin?.()
  options.onHeard?.(askedAt)
  onConnected()
  log.info({ hostId }, 'connected to the server')
  options.onUploads?.(async (uploadId) => (await connection.mutate('host.fetchUpload', { uploadId }, fetchUploadOutput)).url)
  messages.begin()
  let isFirst = true
  const carryOut = (message: DesiredMessage) => {
    if (message.kind === 'open') return options.onOpen(message.url, message.request)
    if (message.kind === 'configuration') return options.onConfiguration?.(message)
    if (message.kind === 'networkObjects') return options.onNetwork?.(message)
    if (message.kind === 'volumeObjects' || message.kind === 'storeSecrets') return options.onVolumes?.(message)
    if (message.kind !== 'desired') return options.onExternal?.(message)
    options.onDesired(message.assignments, message.prePulls ?? [])
    // Not before: a complete report says that what it does not name is gone, so it must name what was just assigned.
    if (isFirst) {
      reporter.attach((report) => sendReport(connection, report))
      options.onConnected()
      options.onFigures?.((batch) => connection.offer('host.figures', batch))
    }
    isFirst = false
  }
  connection.subscribe('host.desired', z.unknown(), (data) => {
    try {
      messages.read(data).forEach(carryOut)
    } catch (error) {
      connection.close(error instanceof Error ? error.message : String(error))
    }
  })
  const beats = keepBeating(connection, options, heartbeatSeconds)
  await Promise.race([connection.closed, beats])
}

/** A report that was not taken ends the connection: the next one begins with a complete report, so nothing stays untold. */
async function sendReport(connection: ServerConnection, report: ReportInput): Promise<void> {
  try {
    await connection.mutate('host.report', report, z.unknown())
  } catch (error) {
    connection.close(`a report was refused: ${error instanceof Error ? error.message : String(error)}`)
    throw error
  }
}

async function keepBeating(connection: ServerConnection, options: ControlOptions, everySeconds: number): Promise<void> {
  const ended = new AbortController()
  void connection.closed.then(() => ended.abort())
  while (!ended.signal.aborted) {
    const beat = { bootId: options.bootId, ...(await options.heartbeat()) }
    const askedAt = uptimeMs()
    await connection.mutate('host.heartbeat', beat, z.unknown())
    options.onHeard?.(askedAt)
    await pause(Math.min(Math.max(everySeconds, 1), 300) * 1000, ended.signal)
  }
}

/** Waits, or until the signal. */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve()
    const end = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', end)
      resolve()
    }
    const timer = setTimeout(end, ms)
    signal.addEventListener('abort', end)
  })
}
