import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { HostSessions } from '@/server/gateway/host-sessions'
import { LiveSockets } from '@/server/gateway/live-sockets'
import { StreamBroker } from '@/server/gateway/streams'
import { createGateway } from '@/server/gateway/upgrade'
import { serveHealth } from '@/server/processes/health'
import { upgradeStatus } from '@/tools/testing/upgrade-status'
import { actorOf, toApiContext } from './http'
import { servePodFiles } from './pod-files'
import { appRouter } from './root'
import { callerNames, expectedOfRoute, routes, type Access, type Caller, type Route } from './testing/access'
import { startTestServer } from './testing/server'
import { serveUploads } from './upload-http'

let publicUrl = ''
let test: Awaited<ReturnType<typeof startTestServer>>
let http: Server
let gateway: ReturnType<typeof createGateway>
let streams: StreamBroker
let url = ''
let slug = ''
let credentials: Record<Caller, Record<string, string>>
let credentialId = ''

beforeAll(async () => {
  test = await startTestServer()
  publicUrl = test.server.config.publicUrl
  const sessions = new HostSessions()
  streams = new StreamBroker(sessions, test.server.log)
  gateway = createGateway({
    db: test.db, keyRing: test.server.keyRing, log: test.server.log, sessions, streams, publicUrl, router: appRouter,
    live: new LiveSockets(test.server.feed),
    authenticate: (request) => actorOf(request, publicUrl),
    createContext: (_, actor) => toApiContext(test.server, actor, '', ''),
  })
  http = createServer((request, response) => {
    if (!serveHealth(test.server, sessions, request, response) && !servePodFiles(test.server, request, response) && !serveUploads(test.server, request, response)) response.writeHead(418).end()
  })
  http.on('upgrade', (request, socket, head) => void gateway.upgrade(request, socket, head))
  http.listen(0, '127.0.0.1')
  await once(http, 'listening')
  url = `127.0.0.1:${(http.address() as AddressInfo).port}`
  await signUpAll()
})
afterAll(async () => {
  gateway.close()
  http.close()
  http.closeAllConnections()
  await test.stop()
})

async function signUpAll(): Promise<void> {
  const [admin, elsewhere, member, operator] = [await test.signUp('admin'), await test.signUp('elsewhere'), await test.signUp('member'), await test.signUp('operator')]
  slug = admin.tenant.slug
  credentialId = admin.actor.credentialId
  await test.db.membership.create({ data: { tenantId: admin.tenant.id, userId: member.actor.userId, role: 'member' } })
  await test.db.user.update({ where: { id: operator.actor.userId }, data: { operator: true } })
  const issue = ({ email, password }: { email: string; password: string }) => test.nobody.token.issue({ email, password, name: 'more', expiresInDays: 1, tenant: slug })
  const revoked = await issue(admin.account)
  await admin.caller.token.revoke({ tenant: slug, id: revoked.id })
  const bearer = (token: string) => ({ authorization: `Bearer ${token}` })
  const browser = async ({ actor }: typeof admin) => ({ cookie: await test.cookieOf(actor.userId) })
  credentials = { nobody: {}, elsewhere: await browser(elsewhere), member: await browser(member), admin: await browser(admin), token: bearer(admin.token), revoked: bearer(revoked.token), operator: await browser(operator) }
}

/** What a caller sends; a browser says from which page. */
const headersOf = (caller: Caller, from: Record<string, string>): Record<string, string> => ({ ...credentials[caller], ...(credentials[caller].cookie && from) })

async function accessOf({ method, path }: Route, caller: Caller, from: Record<string, string> = { origin: publicUrl }): Promise<Access> {
  const ticket = () => streams.issueTicket({ hostId: 'none', request: { kind: 'portForward', podUid: '00000000-0000-4000-8000-000000000000', port: 80 }, owner: 'a', credentialId, onBegin: async () => {}, onEnd: async () => {} })
  const address = `${url}${path.replace('TENANT', slug).replace('TICKET', path.includes('TICKET') ? ticket() : '')}`
  if (method === 'WebSocket') return ofStatus(await upgradeStatus(`ws://${address}`, headersOf(caller, from)), '')
  const response = await fetch(`http://${address}`, { method, headers: headersOf(caller, from), ...(method === 'PUT' && { body: 'x' }) })
  return ofStatus(response.status, await response.text())
}

/** A pod that is not there is told to who may know of the tenant alone. */
function ofStatus(status: number, body: string): Access {
  if (status === 401 || status === 403) return 'unauthenticated'
  return status === 404 && !body.includes('Pod') ? 'not_found' : 'in'
}

describe.each(routes.map((route) => [`${route.method} ${route.path}`, route] as const))('%s', (_, route) => {
  it.each(callerNames)('answers %s as docs/authorization.md says', async (caller) => {
    expect(await accessOf(route, caller)).toBe(expectedOfRoute(route, caller))
  })
  it.each(['elsewhere', 'member', 'admin', 'operator'] as const)('answers another site’s page with the cookie of %s as it answers nobody', async (caller) => {
    const foreign: Record<string, string>[] = [{ origin: 'https://evil.example' }, { origin: 'null' }, ...(route.method === 'WebSocket' || route.method === 'PUT' ? [{}] : []), { 'sec-fetch-site': 'cross-site' }, { 'sec-fetch-site': 'same-site' }]
    for (const from of foreign) expect(await accessOf(route, caller, from), JSON.stringify(from)).toBe(expectedOfRoute(route, 'nobody'))
  })
})
