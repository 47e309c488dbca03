import { randomBytes, randomUUID } from 'node:crypto'
import { EventEmitter } from 'node:events'
import { createServer, Server, type IncomingMessage, type ServerResponse } from 'node:http'
import next from 'next'
import { loadConfig } from '@/platform/config'
import { KeyRing } from '@/platform/crypto/key-ring'
import { onSupervisorGone } from '@/platform/lifeline'
import { logger } from '@/platform/logger'
import { observeHttp } from '@/platform/metrics'
import { answerBrokenRequests } from '@/server/api/broken-requests'
import { actorOf, serveApi, toApiContext } from '@/server/api/http'
import { isTransfer, servePodFiles } from '@/server/api/pod-files'
import { refusePageBody, refuseRequest } from '@/server/api/request-guard'
import { appRouter } from '@/server/api/root'
import { secureResponse } from '@/server/api/security-headers'
import { isUpload, serveUploads } from '@/server/api/upload-http'
import { setApiRuntime } from '@/server/api/runtime'
import { createCallerFactory } from '@/server/api/trpc'
import { authenticate } from '@/server/auth/authenticate'
import { addressOfClient } from '@/server/auth/client-address'
import { setAuthRuntime } from '@/server/auth/runtime'
import { whileAuthenticated } from '@/server/auth/while-authenticated'
import { Forwards } from '@/server/gateway/forwards/forwards'
import { ForwardProxy } from '@/server/gateway/forwards/proxy'
import { HostSessions } from '@/server/gateway/host-sessions'
import { LiveSockets } from '@/server/gateway/live-sockets'
import { StreamBroker } from '@/server/gateway/streams'
import { createGateway } from '@/server/gateway/upgrade'
import { sendUpload } from '@/server/gateway/upload-stream'
import { wakeHostsOnChanges } from '@/server/gateway/wake-hosts'
import { removeStrayFiles, uploadPath } from '@/server/services/images/upload-files'
import { sweepNowAndThen } from '@/server/services/sweeping'
import { sweepVolumeUploads } from '@/server/services/volumes/volume-uploads'
import { openDatabase, whenAvailable } from '@/server/store/database'
import { FeedReader } from '@/server/store/feed-reader'
import { listUploadIds } from '@/server/store/image-uploads'
import { listVolumeUploadIds } from '@/server/store/volume-uploads'
import type { ServerContext } from '@/server/services/context'
import { serveHealth } from './health'

const log = logger('web')
const config = loadConfig()
if (!config.databaseUrl) throw new Error('DATABASE_URL is not set: start the server through `npm start`, or name a database')

const db = openDatabase(config.databaseUrl)
const feed = new FeedReader(db, config.databaseUrl, (err) => log.error({ err }, 'the change feed could not be read'))
const waiting = (err: unknown) => log.warn({ err }, 'the database does not answer yet; it is tried again')
await whenAvailable(() => feed.start(), waiting)
const sessions = new HostSessions()
const streams = new StreamBroker(sessions, log)
const forwards = new Forwards({ forwardUrl: config.forwardUrl, streams, log, watch: (actor, end) => whileAuthenticated({ db, feed }, actor, end) })
const forwardProxy = new ForwardProxy(forwards, config.forwardUrl)
const server: ServerContext = { db, config, keyRing: KeyRing.fromFile(config.keyFile), log, feed, streams, forwards }

setAuthRuntime({ db, config, log, sessionSecret: process.env.NEXTAUTH_SECRET ?? randomBytes(32).toString('base64url') })
const createCaller = createCallerFactory(appRouter)
setApiRuntime({
  server,
  contextOf: async ({ cookie, authorization, address, userAgent }) => toApiContext(server, await authenticate({ cookie, authorization }), address, userAgent),
  callerOf: async ({ cookie, userAgent }) => createCaller(toApiContext(server, await authenticate({ cookie }), '', userAgent)),
})

const addressOf = (request: IncomingMessage) => addressOfClient(request, config.trustedProxies)

const live = new LiveSockets(feed)
const stopWaking = wakeHostsOnChanges(feed, sessions, db)
const gateway = createGateway({
  db, keyRing: server.keyRing, log, sessions, streams, live,
  publicUrl: config.publicUrl,
  offerUpload: (id) => streams.offer((stream) => void sendUpload(stream, uploadPath(config.data, id)).catch((err: unknown) => log.warn({ err, upload: id }, 'an upload was not sent to a host'))),
  addressOf,
  authenticate: (request) => actorOf(request, config.publicUrl),
  router: appRouter,
  createContext: (request: IncomingMessage, actor) => toApiContext(server, actor, addressOf(request), request.headers['user-agent'] ?? ''),
})

// Next adds its own 'upgrade' listener to the server that it is given, and would end sockets that are ours: it gets an
// emitter instead and sees only what we leave (the reload channel of development).
const nextUpgrades = new EventEmitter()
const dev = process.env.NODE_ENV !== 'production'
const app = next({ dev, hostname: config.host, port: config.port, httpServer: Object.setPrototypeOf(nextUpgrades, Server.prototype) })
await app.prepare()
// From here on Next writes down what nobody caught, and lives on: a process that cannot begin would stay, and listen to nobody.
const failStart = (err: unknown) => {
  log.fatal({ err }, 'the console could not begin')
  process.exit(1)
}
process.on('uncaughtException', failStart)
process.on('unhandledRejection', failStart)
const handle = app.getRequestHandler()

/** Next would take another host's name from the first; the console has no server actions, and each wrong call of one is a line in the log. */
const foreignHeaders = ['x-forwarded-host', 'next-action'] as const

const bodyWithinMs = 300_000

/** Whoever sends a body for longer than this holds a socket for nothing. */
function endIfSlow(request: IncomingMessage): void {
  if (request.headers['content-length'] === undefined && request.headers['transfer-encoding'] === undefined) return
  const timer = setTimeout(() => {
    if (!request.complete) request.socket.destroy()
  }, bodyWithinMs)
  request.once('close', () => clearTimeout(timer))
}

/** Answers a request. What nobody foresaw ends that request alone, and says nothing of why to who sent it. */
function serve(request: IncomingMessage, response: ServerResponse): void {
  try {
    route(request, response)
  } catch (err) {
    fail(response, err)
  }
}

function fail(response: ServerResponse, err: unknown): void {
  const requestId = randomUUID()
  log.error({ err, requestId }, 'a request failed')
  if (response.headersSent) return void response.destroy()
  response.writeHead(500, { 'content-type': 'text/plain; charset=utf-8', connection: 'close', 'x-request-id': requestId }).end(`Something went wrong on our side. Try again; if it happens again, name the request id ${requestId} to the operator.\n`)
}

function route(request: IncomingMessage, response: ServerResponse): void {
  // Pages of pods have hosts of their own, and nothing of the console is there.
  if (forwardProxy.serve(request, response)) return
  observeHttp(request, response)
  // Pages and NextAuth see headers alone.
  request.headers['x-forwarded-for'] = addressOf(request)
  secureResponse(request, response, { publicUrl: config.publicUrl, dev })
  if (refuseRequest(request, response, config.publicUrl)) return
  if (!isTransfer(request) && !isUpload(request)) endIfSlow(request)
  if (serveHealth(server, sessions, request, response, () => ({ streams: streams.openCount, sockets: live.size })) || serveApi(server, request, response) || servePodFiles(server, request, response) || serveUploads(server, request, response)) return
  // Next's own tools send more in development.
  if (!dev && refusePageBody(request, response)) return
  for (const name of foreignHeaders) delete request.headers[name]
  handle(request, response).catch((err: unknown) => fail(response, err))
}

// Parts of uploads that an earlier process did not end. Nothing is received yet.
const uploads = await whenAvailable(async () => [...(await listUploadIds(db)), ...(await listVolumeUploadIds(db))], waiting)
await removeStrayFiles(config.data, uploads).catch((err: unknown) => log.warn({ err }, 'what earlier uploads left could not be removed'))

const stopSweeping = sweepNowAndThen(() => sweepVolumeUploads(server), (err) => log.warn({ err }, 'uploads that no volume needs could not be removed; it is tried again'))

const http = createServer(serve)
// Node gives each request 5 minutes, and an upload of 10 GiB takes longer: those have a timeout of their own.
http.requestTimeout = 0
answerBrokenRequests(http, (err, requestId) => log.info({ err, requestId }, 'a request was cut off, or is no HTTP'))
http.on('upgrade', (request, socket, head) => {
  if (forwardProxy.upgrade(request, socket, head) || gateway.upgrade(request, socket, head)) return
  if (!dev || !nextUpgrades.emit('upgrade', request, socket, head)) socket.destroy()
})
http.listen(config.port, config.host, () => {
  process.off('uncaughtException', failStart)
  process.off('unhandledRejection', failStart)
  log.info(`listening on http://${config.host}:${config.port}`)
})

let stopping = false
async function stop(): Promise<void> {
  if (stopping) return
  stopping = true
  setTimeout(() => process.exit(1), 5000).unref()
  gateway.close()
  forwards.close()
  stopWaking()
  stopSweeping()
  http.close()
  http.closeAllConnections()
  await feed.close()
  await db.$disconnect()
  process.exit(0)
}
process.on('SIGINT', () => void stop())
process.on('SIGTERM', () => void stop())
onSupervisorGone(() => void stop())
