import type { IncomingMessage, ServerResponse } from 'node:http'
import { changes, isOwnPage } from '@/server/auth/own-page'

/** What a form of the console sends; Next and NextAuth would read any size into memory. */
const maxPageBodyBytes = 64 << 10

const methods = new Set(['GET', 'HEAD', 'POST', 'PUT', 'OPTIONS'])

type Refusal = { status: number; message: string; headers?: Record<string, string> }

/**
 * Refuses what no page and no procedure could make sense of, before anything reads it; returns whether it did. The address
 * must be a plain path: `//host` and `/\host` would be another host's to whoever resolves them.
 */
export function refuseRequest(request: IncomingMessage, response: ServerResponse, publicUrl: string): boolean {
  const refusal = refusalOf(request, publicUrl)
  if (refusal) answer(response, refusal)
  return refusal !== null
}

function refusalOf(request: IncomingMessage, publicUrl: string): Refusal | null {
  const { url = '', method = '' } = request
  if (!isPlainPath(url)) return { status: 400, message: 'The address is not well-formed.' }
  if (!methods.has(method)) return { status: 405, message: 'This method is not served here.', headers: { allow: [...methods].join(', ') } }
  const home = homeOf(request, publicUrl)
  if (home) return { status: 307, message: `The console is at ${publicUrl}.`, headers: { location: home } }
  // No browser sends a bearer token of itself.
  if (changes(method) && request.headers.authorization === undefined && !isOwnPage(request, new URL(publicUrl).origin, 'not denied')) return { status: 403, message: `Another site’s page sent this request. Open the console at ${publicUrl}, or send a token.` }
  return null
}

const loopback = new Set(['localhost', '127.0.0.1', '[::1]'])

/** Where a page is to be opened that was asked for by another name of the same machine: cookies, and who may change something, go by one name. */
function homeOf({ url = '', method, headers }: IncomingMessage, publicUrl: string): string | null {
  const home = new URL(publicUrl)
  if (method !== 'GET' || headers['sec-fetch-dest'] !== 'document' || !loopback.has(home.hostname)) return null
  const [, name = '', port = ''] = /^(.+?)(?::(\d+))?$/.exec(headers.host ?? '') ?? []
  return name !== home.hostname && loopback.has(name) && port === home.port ? home.origin + url : null
}

function isPlainPath(url: string): boolean {
  if (!/^\/(?![/\\])[^\\\s]*$/.test(url)) return false
  try {
    decodeURI(url.split('?')[0] ?? '')
    return true
  } catch {
    return false
  }
}

/** Refuses a body that no form of a page sends, for what Next answers. */
export function refusePageBody(request: IncomingMessage, response: ServerResponse): boolean {
  const { method = '', headers } = request
  const length = Number(headers['content-length'] ?? 0)
  const refusal: Refusal | null = method === 'PUT' || method === 'OPTIONS' ? { status: 405, message: 'This method is not served here.', headers: { allow: 'GET, HEAD, POST' } }
    : headers['transfer-encoding'] !== undefined ? { status: 411, message: 'Say how long the body is.' }
    : length > maxPageBodyBytes ? { status: 413, message: `A page takes at most ${maxPageBodyBytes >> 10} KiB.` }
    : null
  if (refusal) answer(response, refusal)
  return refusal !== null
}

function answer(response: ServerResponse, { status, message, headers }: Refusal): void {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8', connection: 'close', ...headers }).end(`${message}\n`)
}
