import { generateKeyPairSync, randomUUID, sign } from 'node:crypto'
import { desiredMessage, helloSignatureText, hostCapabilities, type Assignment, type DesiredMessage, type PodReport } from '@/contracts/host/v1'
import type { ExternalReport } from '@/contracts/host/v1/external'
import type { FiguresInput } from '@/contracts/host/v1/figures'
import type { NetworkMessage } from '@/contracts/host/v1/networks'
import type { StoreReport, VolumeReport } from '@/contracts/host/v1/volumes'
import type { startTestServer } from '@/server/api/testing/server'
import { registerHost } from '@/server/store/hosts'
import { hostRouter, type HostConnection } from '../host-router'
import type { HostSessions } from '../host-sessions'

const identities = new Map<string, ReturnType<typeof generateKeyPairSync>>()

/** A host of this name that said hello over the real router, what its stream yields, and what it reports. Without `capabilities` it is an agent of before there were any. */
export async function connectHost({ db, server }: Awaited<ReturnType<typeof startTestServer>>, sessions: HostSessions, name: string, capabilities: readonly string[] | null = hostCapabilities) {
  const keys = identities.get(name) ?? generateKeyPairSync('ed25519')
  identities.set(name, keys)
  const publicKey = keys.publicKey.export({ type: 'spki', format: 'der' }).toString('base64')
  await registerHost(db, name, publicKey)
  const connection: HostConnection = { db, keyRing: server.keyRing, log: server.log, sessions, nonce: null, session: null, disconnect: () => {}, drained: () => Promise.resolve() }
  const caller = hostRouter.createCaller(connection)
  const { nonce } = await caller.host.challenge()
  const bootId = randomUUID()
  const { hostId } = await caller.host.hello({
    version: 1, name, bootId, publicKey, agentVersion: '1', hypervisorVersion: '7.2', kernelVersion: '6', guestVersion: 'g', accelerator: 'tcg', acceleratorReason: '', capacity: { cpus: 64, memoryMiB: 65_536, diskMiB: 1000 },
    ...(capabilities ? { capabilities: [...capabilities] } : {}),
    signature: sign(null, Buffer.from(helloSignatureText(nonce, publicKey, bootId)), keys.privateKey).toString('base64'),
  })
  const messages = (await caller.host.desired())[Symbol.asyncIterator]()
  const next = async (): Promise<DesiredMessage> => desiredMessage.parse((await messages.next()).value)
  let sequence = 0
  return {
    hostId,
    next,
    network: async (): Promise<NetworkMessage> => {
      const message = await next()
      if (message.kind !== 'networkObjects') throw new Error(`a message of kind ${message.kind} came`)
      return message
    },
    desired: async (): Promise<Assignment[]> => {
      const message = await next()
      if (message.kind !== 'desired') throw new Error(`a message of kind ${message.kind} came`)
      return message.assignments
    },
    report: (...pods: PodReport[]) => caller.host.report({ bootId, sequence: (sequence += 1), complete: false, pods, events: [], images: [] }),
    /** What it answers for on the outside; `complete`: that is all. */
    reportExternal: (external: ExternalReport[], complete = false) => caller.host.report({ bootId, sequence: (sequence += 1), complete, pods: [], events: [], images: [], external }),
    /** What it has of volumes and reaches of stores; `complete`: that is all. */
    reportVolumes: (volumes: VolumeReport[], { complete = false, stores = [] as StoreReport[] } = {}) => caller.host.report({ bootId, sequence: (sequence += 1), complete, pods: [], events: [], images: [], volumes, stores }),
    /** `externalLeased`: of how many messages of the outside it says that nothing of them outlives its time. */
    heartbeat: (externalLeased?: number) => caller.host.heartbeat({ bootId, podsRunning: 0, memoryFreeMiB: 1, diskFreeMiB: 1, ...(externalLeased !== undefined && { externalLeased }) }),
    figures: (batch: Omit<FiguresInput, 'bootId'>) => caller.host.figures({ bootId, ...batch }),
    close: () => connection.session?.close(),
  }
}
