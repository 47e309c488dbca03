import { request, type IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { connect as tlsConnect } from 'node:tls'
import type { HttpGetAction } from '@/domain/pod/probe'
import { failure, quoted, success, type CheckResult } from './result'
import { connect, portOf, refusal, type CheckTarget } from './target'

const maxRedirects = 10
/** As the kubelet reads of an answer. Source: kubernetes pkg/probe/http, maxRespBodyLength. */
const maxBodyBytes = 10 << 10

/**
 * GET as the kubelet's probe does it: 200 to 399 is success; a redirect to the same host is followed, one to another host
 * is success with a warning; a certificate is not verified. `signal` ends it in any state.
 * Source: kubernetes pkg/probe/http, DoHTTPProbe and RedirectChecker.
 */
export async function httpCheck(action: HttpGetAction, target: CheckTarget, timeoutMs: number, signal: AbortSignal): Promise<CheckResult> {
  const hostname = action.host || target.podIP
  let url = new URL(`${action.scheme.toLowerCase()}://${bracketed(hostname)}:${portOf(target, action.port)}${action.path.startsWith('/') ? '' : '/'}${action.path}`)
  for (let redirects = 0; ; redirects += 1) {
    const answer = await get(url, action, target, timeoutMs, signal)
    if ('problem' in answer) return failure(`Get "${quoted(url.href)}": ${answer.problem}`)
    const { status, location } = answer
    if (status < 200 || status >= 400) return failure(`HTTP probe failed with statuscode: ${status}`)
    const next = status >= 300 && location !== null ? resolved(location, url) : null
    if (status < 300 || !next) return status < 300 ? success : { outcome: 'warning', message: `Probe terminated redirects, Response body: "${quoted(location ?? '')}"` }
    if (next.hostname !== url.hostname) return { outcome: 'warning', message: `The probe does not follow a redirect to another host: "${quoted(next.href)}"` }
    if (redirects >= maxRedirects) return failure(`Get "${quoted(url.href)}": stopped after ${maxRedirects} redirects`)
    url = next
  }
}

type Answer = { status: number; location: string | null } | { problem: string }

async function get(url: URL, action: HttpGetAction, target: CheckTarget, timeoutMs: number, signal: AbortSignal): Promise<Answer> {
  const secure = url.protocol === 'https:'
  const port = Number(url.port || (secure ? 443 : 80))
  let tunnel: Duplex | undefined
  try {
    const opened = await connect(target.guest, port, timeoutMs, signal)
    tunnel = opened
    const socket = secure ? tlsConnect({ socket: opened, rejectUnauthorized: false }) : opened
    socket.on('error', () => {})
    const given = Object.fromEntries(action.httpHeaders.map(({ name, value }) => [name, value]))
    const has = (name: string) => action.httpHeaders.some((h) => h.name.toLowerCase() === name)
    const headers = { ...(has('host') ? {} : { Host: url.host }), ...(has('user-agent') ? {} : { 'User-Agent': 'kube-probe/hypernetes' }), ...(has('accept') ? {} : { Accept: '*/*' }), Connection: 'close', ...given }
    // No agent: with one Node would take the connection for its pool.
    const asked = request({ createConnection: () => socket, agent: undefined, method: 'GET', path: `${url.pathname}${url.search}`, headers, signal, setHost: false, maxHeaderSize: 16 << 10 })
    return await new Promise<Answer>((resolve) => {
      asked.on('error', (error) => resolve({ problem: refusal(error, port) }))
      asked.on('response', (response) => {
        read(response, () => resolve({ status: response.statusCode ?? 0, location: response.headers.location ?? null }))
      })
      asked.end()
    })
  } catch (error) {
    return { problem: refusal(error, port) }
  } finally {
    tunnel?.destroy()
  }
}

/** Reads the body, at most so much of it: a server that finds its client gone early might log that as an error. */
function read(response: IncomingMessage, done: () => void): void {
  let bytes = 0
  response.on('data', (chunk: Buffer) => {
    bytes += chunk.length
    if (bytes > maxBodyBytes) done()
  })
  for (const end of ['end', 'close', 'error', 'aborted']) response.on(end, done)
}

function resolved(location: string, base: URL): URL | null {
  const next = URL.canParse(location, base.href) ? new URL(location, base.href) : null
  return next && /^https?:$/.test(next.protocol) ? next : null
}

const bracketed = (host: string) => (host.includes(':') ? `[${host}]` : host)
