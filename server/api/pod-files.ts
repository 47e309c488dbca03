import type { IncomingMessage, ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { getHTTPStatusCodeFromError } from '@trpc/server/http'
import { z } from 'zod'
import { DomainError, invalidInput, notFound } from '@/domain/shared/errors'
import { resolveScope } from '@/server/auth/authenticate'
import { addressOfClient } from '@/server/auth/client-address'
import type { Scope } from '@/server/auth/scope'
import { whileAuthenticated } from '@/server/auth/while-authenticated'
import type { ServerContext } from '@/server/services/context'
import { downloadFile, downloadFiles, maxUploadBytes, transferInput, uploadFile, uploadFiles } from '@/server/services/pods/streams/transfer-files'
import { attachment, isFileName, lastPart } from './file-names'
import { addressOf } from './request-address'
import { toTrpcError } from './errors'
import { actorOf, notSignedIn, toApiContext } from './http'
import type { ApiContext } from './trpc'

const query = z.object({ container: z.string().optional(), path: z.string(), raw: z.enum(['0', '1']).default('0'), name: z.string().optional() })
/** Of a transfer that does not move. */
const idleMs = 5 * 60_000

type Transfer = { scope: Scope; ctx: ApiContext; input: z.output<typeof transferInput>; query: z.output<typeof query> }

const address = /^\/api\/pods\/([^/]+)\/([^/]+)\/([^/]+)\/files$/

/** Whether a request moves files, and so may last. */
export const isTransfer = (request: IncomingMessage): boolean => address.test(addressOf(request).path)

/**
 * Serves `/api/pods/<tenant>/<namespace>/<name>/files?container=&path=`: GET gives a tar stream (`raw=1`: one file as it is),
 * PUT and POST take one (`application/x-tar`) or one file (any other type, with `name`) into the folder. Returns false for
 * other paths.
 */
export function servePodFiles(server: ServerContext, request: IncomingMessage, response: ServerResponse): boolean {
  const { path, query: params } = addressOf(request)
  const [, tenant, namespace, name] = address.exec(path) ?? []
  if (name === undefined) return false
  const at = { tenant: decoded(tenant), namespace: decoded(namespace), name: decoded(name) }
  void serve(server, request, response, at, params)
  return true
}

const decoded = (part = ''): string => {
  try {
    return decodeURIComponent(part)
  } catch {
    return ''
  }
}

async function serve(server: ServerContext, request: IncomingMessage, response: ServerResponse, at: { tenant: string; namespace: string; name: string }, params: URLSearchParams): Promise<void> {
  const headers = { 'cache-control': 'no-store', 'content-security-policy': "sandbox; default-src 'none'", 'cross-origin-resource-policy': 'same-origin', 'x-content-type-options': 'nosniff' }
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value)
  let ctx: ApiContext = toApiContext(server, null, addressOfClient(request, server.config.trustedProxies), '')
  try {
    if (!['GET', 'PUT', 'POST'].includes(request.method ?? '')) return void response.writeHead(405, { allow: 'GET, PUT, POST' }).end()
    const actor = await actorOf(request, server.config.publicUrl)
    ctx = toApiContext(server, actor, addressOfClient(request, server.config.trustedProxies), request.headers['user-agent'] ?? '')
    if (!actor) throw notSignedIn(request, server.config.publicUrl)
    const scope = await resolveScope(server.db, actor, at.tenant, { requestId: ctx.requestId, address: ctx.address })
    if (!scope?.allows('pod.exec')) throw notFound('Tenant', at.tenant)
    const asked = parse(query, Object.fromEntries(params))
    const input = parse(transferInput, { namespace: at.namespace, name: at.name, container: asked.container || undefined, path: asked.path })
    response.setHeader('x-request-id', ctx.requestId)
    const { socket } = request
    const end = () => void socket.destroy()
    socket.setTimeout(idleMs, end)
    const stop = whileAuthenticated(server, actor, end)
    try {
      await (request.method === 'GET' ? download : upload)(request, response, { scope, ctx, input, query: asked })
    } finally {
      stop()
      socket.setTimeout(0).off('timeout', end)
    }
  } catch (error) {
    refuse(response, error, ctx)
  }
}

function parse<T>(schema: z.ZodType<T>, value: unknown): T {
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  throw invalidInput(parsed.error.issues.map((issue) => ({ path: issue.path.join('.'), line: null, message: issue.message })))
}

async function download(_: IncomingMessage, response: ServerResponse, { scope, ctx, input, query: { raw } }: Transfer): Promise<void> {
  if (raw === '1') {
    const { file, bytes, destroy } = await downloadFile(ctx, scope, input)
    response.writeHead(200, { 'content-type': 'application/octet-stream', 'content-length': file.size, 'content-disposition': attachment(lastPart(input.path)) })
    return give(bytes, response, destroy)
  }
  const { bytes, destroy } = await downloadFiles(ctx, scope, input)
  response.writeHead(200, { 'content-type': 'application/x-tar', 'content-disposition': attachment(`${lastPart(input.path)}.tar`) })
  return give(bytes, response, destroy)
}

/** Sends as fast as the reader takes it. A failure in the middle breaks the connection off: half a download never looks whole. */
async function give(bytes: AsyncIterable<Buffer>, response: ServerResponse, destroy: () => void): Promise<void> {
  response.once('close', destroy)
  await pipeline(Readable.from(bytes), response)
}

async function upload(request: IncomingMessage, response: ServerResponse, { scope, ctx, input, query: { name } }: Transfer): Promise<void> {
  const length = request.headers['content-length'] === undefined ? null : Number(request.headers['content-length'])
  if (length !== null && length > maxUploadBytes) throw invalidInput([{ path: '', line: null, message: 'An upload may bring 10 GiB: send it in parts.' }])
  const type = (request.headers['content-type'] ?? '').split(';')[0]?.trim().toLowerCase()
  const { bytes } = type === 'application/x-tar' ? await uploadFiles(ctx, scope, input, received(request)) : await uploadFile(ctx, scope, input, fileOf(name, length), received(request))
  response.writeHead(200, { 'content-type': 'application/json' }).end(`${JSON.stringify({ bytes })}\n`)
}

function fileOf(name: string | undefined, size: number | null): { name: string; size: number } {
  if (name === undefined) throw invalidInput([{ path: 'name', line: null, message: 'name the file, or send a tar archive as application/x-tar' }])
  if (!isFileName(name)) throw invalidInput([{ path: 'name', line: null, message: 'must be the name of one file, of at most 255 bytes and without a slash; the folder is named by path' }])
  if (size === null) throw invalidInput([{ path: 'content-length', line: null, message: 'must say how large the file is: a file of unknown size can be sent as a tar archive' }])
  return { name, size }
}

async function* received(request: IncomingMessage): AsyncGenerator<Buffer> {
  // An upload that is refused half way must be told so: to end the reading would end the socket.
  for await (const chunk of request.iterator({ destroyOnReturn: false })) if (Buffer.isBuffer(chunk)) yield chunk
}

function refuse(response: ServerResponse, error: unknown, ctx: ApiContext): void {
  if (response.destroyed) return
  if (response.headersSent) return void response.destroy()
  const refused = toTrpcError(error, ctx)
  const { cause } = refused
  const body = { error: { code: cause instanceof DomainError ? cause.code : 'internal', message: refused.message, requestId: ctx.requestId } }
  response.writeHead(getHTTPStatusCodeFromError(refused), { 'content-type': 'application/json', connection: 'close' }).end(`${JSON.stringify(body)}\n`)
}
