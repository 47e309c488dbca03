import type { IncomingMessage, ServerResponse } from 'node:http'
import { getHTTPStatusCodeFromError } from '@trpc/server/http'
import { DomainError, notFound } from '@/domain/shared/errors'
import type { Permission } from '@/domain/tenant/permissions'
import { resolveScope } from '@/server/auth/authenticate'
import { addressOfClient } from '@/server/auth/client-address'
import type { Scope } from '@/server/auth/scope'
import type { ServerContext } from '@/server/services/context'
import { receiveUpload } from '@/server/services/images/uploads'
import { receiveVolumeUpload } from '@/server/services/volumes/volume-uploads'
import { addressOf } from './request-address'
import { toTrpcError } from './errors'
import { actorOf, notSignedIn, toApiContext } from './http'
import type { ApiContext } from './trpc'

const address = /^\/api\/(images|volumes)\/([^/]+)$/

/** Whether a request is an upload, and so may last. */
export const isUpload = (request: IncomingMessage): boolean => address.test(addressOf(request).path)

/** A sender that sends nothing for this long has gone. */
const idleMs = 60_000
/** So long may a sender go on after a refusal: what it has sent by then is read, for unread bytes would reset the connection before it reads the answer. */
const lingerMs = 1_000

/**
 * Serves `PUT /api/images/<tenant>?reference=name:tag`, whose body is an image's archive, and `PUT /api/volumes/<tenant>?name=&class=&size=`, whose body is a disk (raw or qcow2): kept for volumes,
 * or, with a name, made into one. Bodies have any size up to the limit, are read as they come and never held in memory. Returns false for other paths. Errors have the shape of the procedures'.
 */
export function serveUploads(server: ServerContext, request: IncomingMessage, response: ServerResponse): boolean {
  const { path, query } = addressOf(request)
  const [, kind, tenant] = address.exec(path) ?? []
  if (tenant === undefined) return false
  const context = toApiContext(server, null, addressOfClient(request, server.config.trustedProxies), request.headers['user-agent'] ?? '')
  const answer = (status: number, body: object, headers: Record<string, string> = {}) => {
    const text = JSON.stringify(body)
    if (!request.complete) headers = { ...headers, connection: 'close' }
    response.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text), 'cache-control': 'no-store', 'x-request-id': context.requestId, ...headers })
    if (request.complete) return void response.end(text)
    // The sender has the whole answer now; with the response's end the connection ends.
    response.write(text)
    const timer = setTimeout(() => response.end(), lingerMs)
    request.once('close', () => clearTimeout(timer)).once('end', () => response.end()).on('error', () => {}).resume()
  }
  if (request.method !== 'PUT') {
    answer(405, refusal(new DomainError('invalid_input', 'Send the archive with PUT.'), context), { allow: 'PUT' })
    return true
  }
  // A request that is over has no socket any more, and its destroy() ends nothing.
  const { socket } = request
  request.setTimeout(idleMs, () => socket.destroy())
  receive(context, request, decodeURIComponentOrEmpty(tenant), kind === 'volumes' ? volumeOf(query) : imageOf(query))
    .then((result) => answer(201, result))
    .catch((error: unknown) => {
      if (request.errored || response.destroyed) return server.log.info({ err: error }, 'an upload was given up by its sender')
      const failure = toTrpcError(error, context)
      answer(getHTTPStatusCodeFromError(failure), refusal(failure.cause instanceof DomainError ? failure.cause : new DomainError('internal', failure.message), context))
    })
  return true
}

type Sent = { length: number | null; body: IncomingMessage }
/** What becomes of a body, and what it takes to send one. */
type Receiver = { permission: Permission; take: (ctx: ApiContext, scope: Scope, sent: Sent) => Promise<object> }

const imageOf = (query: URLSearchParams): Receiver => ({ permission: 'image.write', take: (ctx, scope, sent) => receiveUpload(ctx, scope, { ...sent, reference: query.get('reference') ?? '' }) })

function volumeOf(query: URLSearchParams): Receiver {
  const given = (name: string): string | undefined => query.get(name) ?? undefined
  const name = given('name')
  return { permission: 'volume.write', take: (ctx, scope, sent) => receiveVolumeUpload(ctx, scope, { ...sent, volume: name === undefined ? null : { name, size: given('size'), storageClassName: given('class') } }) }
}

async function receive(ctx: ApiContext, request: IncomingMessage, tenant: string, { permission, take }: Receiver): Promise<object> {
  const actor = await actorOf(request, ctx.config.publicUrl)
  if (!actor) throw notSignedIn(request, ctx.config.publicUrl)
  const scope = await resolveScope(ctx.db, actor, tenant, { requestId: ctx.requestId, address: ctx.address })
  if (!scope || !scope.allows(permission)) throw notFound('Tenant', tenant)
  const length = Number(request.headers['content-length'] ?? NaN)
  return take(ctx, scope, { length: Number.isSafeInteger(length) ? length : null, body: request })
}

const refusal = ({ code, message, problems }: DomainError, { requestId }: ApiContext) => ({ error: { code, message, problems, requestId } })

function decodeURIComponentOrEmpty(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return ''
  }
}
