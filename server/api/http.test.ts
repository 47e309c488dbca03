import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { pino } from 'pino'
import { z } from 'zod'
import { HostSessions } from '@/server/gateway/host-sessions'
import { serveHealth } from '@/server/processes/health'
import { authRuntime, setAuthRuntime } from '@/server/auth/runtime'
import { openDatabase } from '@/server/store/database'
import { serveApi } from './http'
import { startTestServer } from './testing/server'

let test: Awaited<ReturnType<typeof startTestServer>>
let http: Server
let url = ''

beforeAll(async () => {
  test = await startTestServer()
  const sessions = new HostSessions()
  http = createServer((request, response) => {
    if (!serveHealth(test.server, sessions, request, response) && !serveApi(test.server, request, response)) response.writeHead(404).end()
  })
  http.listen(0, '127.0.0.1')
  await once(http, 'listening')
  url = `http://127.0.0.1:${(http.address() as AddressInfo).port}`
})
afterAll(async () => {
  http.close()
  http.closeAllConnections()
  await test.stop()
})

const call = async (path: string, init?: RequestInit) => {
  const response = await fetch(`${url}${path}`, init)
  const text = await response.text()
  return { status: response.status, headers: response.headers, text }
}
const bearer = (token: string) => ({ headers: { authorization: `Bearer ${token}` } })

describe('errors on the wire', () => {
  it('carry tRPC\'s code, ours, field paths and a request id, and no stack', async () => {
    const { token, tenant } = await test.signUp('wire')
    const body = JSON.stringify({ tenant: tenant.slug, name: 'Bad_Name', spec: {} })
    const { status, text, headers } = await call('/api/trpc/pod.create', { method: 'POST', body, headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` } })
    const { error } = z.object({ error: z.object({ data: z.unknown() }) }).parse(JSON.parse(text))
    expect(status).toBe(400)
    expect(error.data).toMatchObject({ code: 'BAD_REQUEST', reason: 'invalid_input', problems: [{ path: 'name' }], requestId: headers.get('x-request-id') })
    expect(text).not.toMatch(/stack|node_modules/)
  })
  it('say nothing of what went wrong inside', async () => {
    const { status, text } = await call('/api/trpc/pod.list?input=%7B%7D')
    expect(status).toBe(401)
    expect(text).toContain('unauthenticated')
  })
  it('answer a path that is not well-formed', async () => {
    expect((await call('/api/trpc/%')).status).toBe(400)
    expect((await call('/api/trpc/no.such')).status).toBe(404)
  })
  it('do not serve subscriptions over HTTP, where no revocation would end them', async () => {
    const { token, tenant } = await test.signUp('stream')
    const { status } = await call(`/api/trpc/pod.watch?input=${encodeURIComponent(JSON.stringify({ tenant: tenant.slug }))}`, bearer(token))
    expect(status).toBe(405)
  })
})

describe('what would cost more than it says', () => {
  const post = (body: string, token: string) => call('/api/trpc/pod.create', { method: 'POST', body, headers: { 'content-type': 'application/json', ...bearer(token).headers } })

  it.each([70, 2_000, 500_000])('JSON of %i levels is refused as such', async (levels) => {
    const { token, tenant } = await test.signUp(`deep${levels}`)
    for (const [open, close] of [['[', ']'], ['{"a":', '}']] as const) {
      const { status, text } = await post(`{"tenant":"${tenant.slug}","name":"deep","spec":${open.repeat(levels)}1${close.repeat(levels)}}`, token)
      expect(text).toContain('levels')
      expect(status).toBe(400)
    }
  })
  it('many calls in one request', async () => {
    const all = Array(41).fill('account.me').join(',')
    expect((await call(`/api/trpc/${all}?batch=1`)).status).toBe(400)
    expect((await call(`/api/trpc/${all.slice('account.me,'.length)}?batch=1`)).status).toBe(401)
  })
})

it('says nothing of a database that is gone', async () => {
  const logged: string[] = []
  const log = pino({ level: 'warn' }, { write: (line: string) => void logged.push(line) })
  const db = openDatabase('postgresql://somebody:its-password@127.0.0.1:1/nowhere')
  const gone = createServer((request, response) => void serveApi({ ...test.server, db, log }, request, response))
  setAuthRuntime({ ...authRuntime(), db })
  gone.listen(0, '127.0.0.1')
  await once(gone, 'listening')
  try {
    const response = await fetch(`http://127.0.0.1:${(gone.address() as AddressInfo).port}/api/trpc/account.me`, bearer(`hyp_${'a'.repeat(43)}`))
    const text = await response.text()
    expect([500, 503]).toContain(response.status)
    const { error } = z.object({ error: z.object({ data: z.object({ requestId: z.string() }) }) }).parse(JSON.parse(text))
    expect(error.data.requestId).toBe(response.headers.get('x-request-id'))
    expect(logged.join('')).toContain(error.data.requestId)
    expect(text).not.toMatch(/127\.0\.0\.1|somebody|its-password|nowhere|prisma|postgres|select|ECONN/i)
  } finally {
    setAuthRuntime({ ...authRuntime(), db: test.db })
    gone.close()
    await db.$disconnect()
  }
})

describe('health', () => {
  it('answers, and gives metrics to operators alone', async () => {
    expect((await call('/healthz')).text).toBe('ok\n')
    expect((await call('/readyz')).status).toBe(200)
    const { token, actor } = await test.signUp('operator')
    expect((await call('/metrics')).status).toBe(404)
    expect((await call('/metrics', bearer(token))).status).toBe(404)
    await test.db.user.update({ where: { id: actor.userId }, data: { operator: true } })
    const metrics = await call('/metrics', bearer(token))
    expect(metrics.status).toBe(200)
    expect(metrics.text).toContain('hypernetes_connected_hosts')
  })
})
