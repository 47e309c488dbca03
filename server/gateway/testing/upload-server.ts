import { once } from 'node:events'
import { generateKeyPairSync, randomBytes, randomUUID, sign } from 'node:crypto'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import WebSocket from 'ws'
import { helloSignatureText, type DesiredMessage } from '@/contracts/host/v1'
import { answerBrokenRequests } from '@/server/api/broken-requests'
import { actorOf, toApiContext } from '@/server/api/http'
import { appRouter } from '@/server/api/root'
import { startTestServer } from '@/server/api/testing/server'
import { serveUploads } from '@/server/api/upload-http'
import { podController } from '@/server/control/controllers/pod/controller'
import { uploadPath } from '@/server/services/images/upload-files'
import { inTransaction } from '@/server/store/database'
import { registerHost } from '@/server/store/hosts'
import { bindPod } from '@/server/store/scheduling'
import { hostRouter, type HostConnection } from '../host-router'
import { HostSessions } from '../host-sessions'
import { LiveSockets } from '../live-sockets'
import { StreamBroker } from '../streams'
import { createGateway } from '../upgrade'
import { sendUpload } from '../upload-stream'
import { wakeHostsOnChanges } from '../wake-hosts'

export type Person = Awaited<ReturnType<Awaited<ReturnType<typeof startTestServer>>['signUp']>>
const publicUrl = 'http://console.example'

/** Bytes that begin like a tar archive. What is inside is for hosts to judge. */
export function archive(bytes = 300_000): Buffer {
  const content = randomBytes(bytes)
  content.write('ustar\0', 257, 'latin1')
  return content
}

/** A server that takes uploads by HTTP and gives them to hosts, with a data folder of its own. */
export async function startUploadServer() {
  const sessions = new HostSessions()
  const test = await startTestServer()
  const ann = await test.signUp('ann')
  const data = await mkdtemp(join(tmpdir(), 'uploads-'))
  const server = { ...test.server, config: { ...test.server.config, data, publicUrl } }
  const streams = new StreamBroker(sessions, server.log)
  const gateway = createGateway({
    db: test.db, keyRing: server.keyRing, log: server.log, sessions, streams, publicUrl, router: appRouter, live: new LiveSockets(server.feed),
    authenticate: (request) => actorOf(request, publicUrl),
    createContext: (_, actor) => toApiContext(server, actor, '', ''),
  })
  const http = createServer((request, response) => {
    if (!serveUploads(server, request, response)) response.writeHead(404).end()
  }).on('upgrade', (request, socket, head) => void gateway.upgrade(request, socket, head))
  answerBrokenRequests(http, () => {})
  http.listen(0, '127.0.0.1')
  await once(http, 'listening')
  const url = `127.0.0.1:${(http.address() as AddressInfo).port}`
  const stopWaking = wakeHostsOnChanges(server.feed, sessions, test.db)
  const stop = async () => {
    stopWaking()
    gateway.close()
    http.close()
    http.closeAllConnections()
    await test.stop()
    await rm(data, { recursive: true })
  }

  type Sent = { headers?: Record<string, string>; method?: string; tenant?: string }
  async function send(of: Person, kind: 'images' | 'volumes', query: Record<string, string>, body: Buffer, { headers = { authorization: `Bearer ${of.token}` }, method = 'PUT', tenant = of.tenant.slug }: Sent = {}) {
    const response = await fetch(`http://${url}/api/${kind}/${tenant}?${new URLSearchParams(query)}`, { method, body: new Uint8Array(body), headers })
    return { status: response.status, body: (await response.json()) as { id?: string; digest?: string; bytes?: number; reference?: string; format?: string; virtualBytes?: number; volume?: string | null; error?: { code: string; message: string } } }
  }
  const put = (of: Person, reference: string, body: Buffer, sent: Sent = {}) => send(of, 'images', { reference }, body, sent)
  const putVolume = (of: Person, query: Record<string, string>, body: Buffer, sent: Sent = {}) => send(of, 'volumes', query, body, sent)
  const files = async () => (await readdir(join(data, 'uploads')).catch(() => [])).sort()
  /** The same server's procedures, with this test's data folder. */
  const callerOf = (of: Person) => appRouter.createCaller({ ...toApiContext({ ...test.server, config: { ...test.server.config, data } }, of.actor, '', ''), requestId: 'test' })

  async function connect(name: string) {
    const keys = generateKeyPairSync('ed25519')
    const publicKey = keys.publicKey.export({ type: 'spki', format: 'der' }).toString('base64')
    await registerHost(test.db, name, publicKey)
    const offerUpload = (id: string) => streams.offer((stream) => void sendUpload(stream, uploadPath(data, id)).catch(() => {}))
    const connection: HostConnection = { db: test.db, keyRing: test.server.keyRing, log: test.server.log, sessions, nonce: null, session: null, disconnect: () => {}, drained: () => Promise.resolve(), offerUpload }
    const { host } = hostRouter.createCaller(connection)
    const { nonce } = await host.challenge()
    const bootId = randomUUID()
    const { hostId } = await host.hello({
      version: 1, name, bootId, publicKey, agentVersion: '1', hypervisorVersion: '7.2', kernelVersion: '6', guestVersion: 'g', accelerator: 'tcg', acceleratorReason: '', capacity: { cpus: 2, memoryMiB: 4096, diskMiB: 1000 },
      signature: sign(null, Buffer.from(helloSignatureText(nonce, publicKey, bootId)), keys.privateKey).toString('base64'),
    })
    const messages = (await host.desired())[Symbol.asyncIterator]()
    const desired = async (): Promise<Extract<DesiredMessage, { kind: 'desired' }>> => {
      for (;;) {
        const { value } = (await messages.next()) as { value: DesiredMessage }
        if (value.kind === 'desired') return value
      }
    }
    return { host, hostId, bootId, desired, close: () => connection.session?.close() }
  }

  async function assign(of: Person, hostId: string, name: string, image: string): Promise<void> {
    const { metadata } = await of.caller.pod.create({ tenant: of.tenant.slug, name, spec: { containers: [{ name: 'a', image }] } })
    await inTransaction(test.db, (tx) => bindPod(tx, metadata.uid, hostId))
    await podController.reconcile({ db: test.db, log: test.server.log, feed: test.server.feed }, metadata.uid)
  }

  /** Dials a path that the server gave, and reads it to its end. */
  async function dial(path: string): Promise<{ bytes: Buffer; result: string }> {
    const socket = new WebSocket(`ws://${url}${path}`)
    const [bytes, result]: Buffer[][] = [[], []]
    socket.on('message', (frame: Buffer) => (frame[0] === 1 ? bytes : result)?.push(frame.subarray(1)))
    await once(socket, 'close')
    return { bytes: Buffer.concat(bytes ?? []), result: Buffer.concat(result ?? []).toString() }
  }

  return { test, ann, data, http, url, put, putVolume, files, callerOf, connect, assign, dial, stop }
}
