import type { IncomingMessage, ServerResponse } from 'node:http'
import { collectDefaultMetrics, Gauge, register } from 'prom-client'
import { actorOf } from '@/server/api/http'
import type { HostSessions } from '@/server/gateway/host-sessions'
import type { ServerContext } from '@/server/services/context'
import { exportMetrics } from '@/server/services/figures/export-metrics'

collectDefaultMetrics()
const connectedHosts = new Gauge({ name: 'hypernetes_connected_hosts', help: 'Hosts connected to this web process.' })
const openStreams = new Gauge({ name: 'hypernetes_open_streams', help: 'Terminals, commands, logs, copies and port-forwards that are open through this web process.' })
const openSockets = new Gauge({ name: 'hypernetes_open_sockets', help: 'WebSockets of people that are open to this web process.' })

/** Whoever asks whether a process is ready waits no longer for the answer. */
const READY_MS = 3000

const within = <T>(ms: number, work: Promise<T>): Promise<T> =>
  new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no answer within ${ms} ms`)), ms)
    work.finally(() => clearTimeout(timer)).then(resolve, reject)
  })

/** How many of each are open in this process. */
export type OpenConnections = () => { streams: number; sockets: number }

/** `/healthz` (the process lives), `/readyz` (it can serve) and `/metrics` (operators alone, by token or session). Returns false for other paths. */
export function serveHealth(server: ServerContext, sessions: HostSessions, request: IncomingMessage, response: ServerResponse, open: OpenConnections = () => ({ streams: 0, sockets: 0 })): boolean {
  const path = (request.url ?? '/').split('?')[0]
  const answer = (status: number, body: string, type = 'text/plain; charset=utf-8') => response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store' }).end(body)
  if (path === '/healthz') answer(200, 'ok\n')
  else if (path === '/readyz') {
    within(READY_MS, server.db.$queryRaw`select 1`).then(() => answer(200, 'ok\n'), () => answer(503, 'the database does not answer, or has no connection left: it is tried again at every request\n'))
  } else if (path === '/metrics') {
    void actorOf(request, server.config.publicUrl)
      .then(async (actor) => {
        if (!actor?.operator) return answer(404, 'not found\n')
        connectedHosts.set(sessions.all().length)
        const { streams, sockets } = open()
        openStreams.set(streams)
        openSockets.set(sockets)
        answer(200, `${await register.metrics()}\n${await exportMetrics(server)}`, register.contentType)
      })
      .catch((err: unknown) => {
        server.log.error({ err }, 'metrics could not be collected')
        answer(503, 'the database does not answer\n')
      })
  } else return false
  return true
}
