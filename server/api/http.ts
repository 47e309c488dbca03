import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { nodeHTTPRequestHandler } from '@trpc/server/adapters/node-http'
import { z } from 'zod'
import { DomainError } from '@/domain/shared/errors'
import type { ServerContext } from '@/server/services/context'
import { authenticate } from '@/server/auth/authenticate'
import { addressOfClient } from '@/server/auth/client-address'
import { cookieCounts } from '@/server/auth/own-page'
import type { Actor } from '@/server/auth/scope'
import { appRouter } from './root'
import type { ApiContext } from './trpc'

const prefix = '/api/trpc/'
/** A ConfigMap of 1 MiB, written as JSON, and a manifest of the largest size. */
const maxBodySize = 4 << 20
/** Calls in one request. The console sends those of one page together; thousands would be one request's price for a thousand. */
const maxBatchSize = 40

/** At run time `procedures` is flat, by whole paths; its type says the nested record. */
const definitions = z.record(z.string(), z.custom<{ _def: { type: string } }>((value) => typeof value === 'function'))
const subscriptions = new Set(Object.entries(definitions.parse(appRouter._def.procedures)).flatMap(([path, { _def }]) => (_def.type === 'subscription' ? [path] : [])))

/** The context of one request or connection. */
export const toApiContext = (server: ServerContext, actor: Actor | null, address: string, userAgent: string): ApiContext => ({ ...server, actor, address, userAgent: userAgent.slice(0, 300), requestId: randomUUID() })

/** Who asks. A cookie that comes with another site's page counts for nothing. */
export async function actorOf(request: IncomingMessage, publicUrl: string): Promise<Actor | null> {
  const { cookie, authorization } = request.headers
  return authenticate({ cookie: cookieCounts(request, publicUrl) ? cookie : undefined, authorization })
}

/** Why {@link actorOf} found nobody. */
export function notSignedIn(request: IncomingMessage, publicUrl: string): DomainError {
  const { cookie, authorization } = request.headers
  const isRefused = cookie !== undefined && authorization === undefined && !cookieCounts(request, publicUrl)
  return new DomainError('unauthenticated', isRefused ? 'This request came from another site’s page. Use the console, or send a token.' : 'Sign in first, or send a token that is valid.')
}

/**
 * The context of a request over HTTP. Whoever asks is looked up in the database too: where that fails, the answer, its line in the
 * log and the id that stands in both are the same as from a procedure.
 */
async function contextOf(server: ServerContext, request: IncomingMessage): Promise<ApiContext> {
  const nobody = toApiContext(server, null, addressOfClient(request, server.config.trustedProxies), request.headers['user-agent'] ?? '')
  try {
    return { ...nobody, actor: await actorOf(request, server.config.publicUrl) }
  } catch (error) {
    return { ...nobody, failed: error instanceof Error ? error : new Error(String(error)) }
  }
}

function decoded(path: string): string | null {
  try {
    return decodeURIComponent(path)
  } catch {
    return null
  }
}

/** Serves `/api/trpc/<procedure>`; returns false for other paths. It stands before Next, whose routing would cost more than the call. */
export function serveApi(server: ServerContext, request: IncomingMessage, response: ServerResponse): boolean {
  const path = (request.url ?? '/').split('?')[0] ?? '/'
  if (!path.startsWith(prefix)) return false
  const procedures = decoded(path.slice(prefix.length))
  if (procedures === null) {
    response.writeHead(400, { 'content-type': 'text/plain' }).end('the path is not well-formed\n')
    return true
  }
  // tRPC would serve subscriptions as server-sent events; there no revocation ends them. They belong on /ws/trpc.
  if (procedures.split(',').some((path) => subscriptions.has(path))) {
    response.writeHead(405, { 'content-type': 'text/plain' }).end('subscriptions are served on /ws/trpc\n')
    return true
  }
  nodeHTTPRequestHandler({
    req: request,
    res: response,
    path: procedures,
    router: appRouter,
    maxBodySize,
    allowBatching: true,
    maxBatchSize,
    createContext: () => contextOf(server, request),
    responseMeta: ({ ctx }) => ({ headers: new Headers({ 'cache-control': 'no-store', ...(ctx ? { 'x-request-id': ctx.requestId } : {}) }) }),
  }).catch((err: unknown) => {
    server.log.error({ err }, 'a request failed')
    response.destroy()
  })
  return true
}
