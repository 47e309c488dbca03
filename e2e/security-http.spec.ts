import { randomBytes } from 'node:crypto'
import type { BrowserContext } from '@playwright/test'
import { z } from 'zod'
import { fillSignIn, signInByRequest, type Tenant } from './fixtures/accounts'
import { openApi } from './fixtures/api'
import { connectToDatabase } from './fixtures/database'
import { installation } from './fixtures/installation'
import { processOf } from './fixtures/processes'
import { requestRaw, sendRaw, upgradeRaw, type RawAnswer } from './fixtures/raw-http'
import { expect, test } from './fixtures/test'

/** What tells a stranger how the house is built. */
const words = /node_modules|\.tsx?:|\.m?js:\d|\bat \w+ \(|prisma|postgres|select |next\.js|\bnext\/|node\/|\/var\/|dist\/|stack/i
/** And where it stands: the tests run in the installation's own folder. */
const inside = new RegExp([words.source, ...[process.cwd(), installation.data].map((path) => path.replace(/[^\w/]/g, '\\$&'))].join('|'), words.flags)

const api = (procedure: string) => `/api/trpc/${procedure}`
const jsonPost = (path: string, body: string, headers: readonly string[] = []) => requestRaw(`POST ${path} HTTP/1.1`, ['Content-Type: application/json', `Content-Length: ${Buffer.byteLength(body)}`, ...headers], body)

async function cookieOf(context: BrowserContext, tenant: Tenant): Promise<string> {
  await signInByRequest(context, tenant.person)
  return (await context.cookies()).map(({ name, value }) => `${name}=${value}`).join('; ')
}

test('every page has a policy with a nonce of its own, and says nothing of what serves it', async ({ tenant, context }) => {
  const cookie = await cookieOf(context, tenant)
  const nonces = new Set<string>()
  const pages = ['/', '/sign-in', '/no-such-page', `/t/${tenant.slug}/pods`, `/t/${tenant.slug}/pods/default/nowhere`, '/t/%3Cscript%3E/pods', '/sign-in']
  for (const path of pages) {
    const answer = await fetch(`${installation.url}${path}`, { headers: { cookie: path === '/sign-in' ? '' : cookie }, redirect: 'manual' })
    const html = await answer.text()
    const policy = answer.headers.get('content-security-policy') ?? ''
    const nonce = /script-src 'nonce-([^']{20,})' 'strict-dynamic'(;|$)/.exec(policy)?.[1] ?? ''
    expect(nonce, path).not.toBe('')
    expect(nonces.has(nonce), path).toBe(false)
    nonces.add(nonce)
    for (const [tag] of html.matchAll(/<script\b[^>]*>/g)) expect(tag, path).toContain(`nonce="${nonce}"`)
    for (const part of ["default-src 'none'", "object-src 'none'", "base-uri 'none'", "form-action 'self'", "frame-ancestors 'none'", "worker-src 'none'"]) expect(policy, path).toContain(part)
    expect(policy.replace("style-src-attr 'unsafe-inline'", ''), path).not.toMatch(/unsafe-inline|unsafe-eval|\*/)
    expect(Object.fromEntries(answer.headers), path).toMatchObject({ 'x-content-type-options': 'nosniff', 'referrer-policy': 'same-origin', 'cross-origin-opener-policy': 'same-origin', 'cross-origin-resource-policy': 'same-origin', 'permissions-policy': expect.stringContaining('camera=()') })
    expect(answer.headers.get('cache-control'), path).toContain('no-store')
    for (const name of ['x-powered-by', 'server', 'strict-transport-security']) expect(answer.headers.has(name), `${path} ${name}`).toBe(false)
  }
  expect((await fetch(`${installation.url}/sign-in`)).headers.get('set-cookie'), 'a page sets no cookie').toBeNull()
  for (const path of ['/api/auth/csrf', '/api/auth/session', '/healthz', '/api/trpc/account.me']) {
    const answer = await fetch(`${installation.url}${path}`, { headers: { cookie } })
    expect(answer.headers.get('cache-control'), path).toContain('no-store')
    expect(answer.headers.get('content-security-policy'), path).toMatch(/^default-src 'none'/)
  }
})

test('what is malformed, too large or of another kind is refused in a line that tells nothing, and the process lives on', async ({ tenant }) => {
  const web = processOf('web')
  const bearer = `Authorization: Bearer ${tenant.token}`
  const inTenant = (rest: object) => JSON.stringify({ tenant: tenant.slug, ...rest })
  const deep = (n: number) => `{"tenant":"${tenant.slug}","name":"deep","spec":${'['.repeat(n)}${']'.repeat(n)}}`
  const cases: Record<string, [Promise<RawAnswer>, number | readonly number[]]> = {
    'an address without a path': [requestRaw('GET // HTTP/1.1'), 400],
    'an address of another host': [requestRaw('GET //evil.example/api/images/x HTTP/1.1'), 400],
    'a backslash': [requestRaw('GET /\\evil.example HTTP/1.1'), 400],
    'a whole address': [requestRaw('GET http://[ HTTP/1.1'), 400],
    'a broken escape': [requestRaw('GET /t/%E0%A4%A/pods HTTP/1.1'), 400],
    'a zero byte': [requestRaw('GET /t/%00/pods HTTP/1.1'), [302, 307, 404]],
    'a path upwards': [requestRaw('GET /_next/static/../../../etc/passwd HTTP/1.1'), [400, 404]],
    'a path upwards, escaped': [requestRaw('GET /_next/static/%2e%2e/%2e%2e/server/app-paths-manifest.json HTTP/1.1'), [400, 404]],
    'a picture of elsewhere': [requestRaw('GET /_next/image?url=http%3A%2F%2F127.0.0.1%3A9&w=64&q=75 HTTP/1.1'), [400, 404]],
    'a method that is nobody’s': [requestRaw('DELETE / HTTP/1.1'), 405],
    'TRACE': [requestRaw('TRACE / HTTP/1.1'), 405],
    'no HTTP': [sendRaw(['hello']), 400],
    'two lengths': [requestRaw('POST /api/trpc/account.me HTTP/1.1', ['Content-Length: 3', 'Transfer-Encoding: chunked']), 400],
    'a host that is none': [requestRaw('GET /sign-in HTTP/1.1', ['Host: a b"<x>']), [200, 400]],
    'a host that is none, for a procedure': [requestRaw(`GET ${api('account.me')} HTTP/1.1`, ['Host: [']), [400, 401]],
    'a header of 40 KB': [requestRaw('GET / HTTP/1.1', [`X-Long: ${'a'.repeat(40_000)}`]), 431],
    'JSON that is none': [jsonPost(api('pod.create'), '{"tenant":', [bearer]), 400],
    'JSON of 100,000 levels': [jsonPost(api('pod.create'), deep(100_000), [bearer]), 400],
    'JSON of 5 MiB': [jsonPost(api('pod.create'), inTenant({ name: 'a'.repeat(5 << 20) }), [bearer]), [400, 413]],
    'YAML of 10,000 levels': [jsonPost(api('manifest.apply'), inTenant({ yaml: `a: ${'['.repeat(10_000)}` }), [bearer]), 200],
    'YAML that multiplies itself': [jsonPost(api('manifest.apply'), inTenant({ yaml: `a: &a [x,x,x,x,x,x,x,x,x]\n${'bcdefgh'.split('').map((name, i) => `${name}: &${name} [${Array(9).fill(`*${'abcdefg'.charAt(i)}`).join(',')}]`).join('\n')}\n` }), [bearer]), 200],
    'keys of prototypes': [jsonPost(api('configMap.create'), `{"tenant":"${tenant.slug}","name":"poison","data":{"__proto__":"x","constructor":"y"},"labels":{"__proto__":"x"},"__proto__":{"polluted":"yes"}}`, [bearer]), [200, 400]],
    'keys of prototypes in YAML': [jsonPost(api('manifest.apply'), inTenant({ yaml: 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: poisoned, annotations: {__proto__: x}}\ndata: {__proto__: x, constructor: "y"}\n__proto__: {polluted: yes}\n' }), [bearer]), [200, 400]],
    'parts of a form': [requestRaw(`POST ${api('pod.create')} HTTP/1.1`, [bearer, 'Content-Type: multipart/form-data; boundary=x', 'Content-Length: 62'], '--x\r\nContent-Disposition: form-data; name="a"\r\n\r\nvalue\r\n--x--\r\n\r\n'), [400, 415]],
    'plain text': [requestRaw(`POST ${api('account.requestPasswordReset')} HTTP/1.1`, ['Content-Type: text/plain', 'Content-Length: 17'], '{"email":"a@b.c"}'), 415],
    'a form': [requestRaw(`POST ${api('account.requestPasswordReset')} HTTP/1.1`, ['Content-Type: application/x-www-form-urlencoded', 'Content-Length: 11'], 'email=a@b.c'), 415],
    'thousands of calls in one': [requestRaw(`GET ${api(Array(1000).fill('host.get').join(','))}?batch=1 HTTP/1.1`), [400, 413]],
    'a body that a page does not take': [requestRaw('POST /api/auth/callback/credentials HTTP/1.1', ['Content-Type: application/json', `Content-Length: ${1 << 20}`]), 413],
    'a body without an end': [requestRaw('POST /api/auth/signout HTTP/1.1', ['Transfer-Encoding: chunked'], '5\r\nhello\r\n'), 411],
    'NextAuth’s way into the log': [jsonPost('/api/auth/_log', '{"code":"forged","level":"error"}'), 404],
    'NextAuth’s own pages': [requestRaw('GET /api/auth/signout HTTP/1.1'), 404],
    'a server action': [requestRaw('POST /sign-in HTTP/1.1', ['Next-Action: 00', 'Content-Length: 0']), 200],
    'metrics': [requestRaw('GET /metrics HTTP/1.1'), 404],
    'a source map': [requestRaw('GET /_next/static/chunks/main.js.map HTTP/1.1'), 404],
    'a folder of the build': [requestRaw('GET /_next/BUILD_ID HTTP/1.1'), 404],
    'an upload’s name upwards': [requestRaw(`PUT /api/pods/${tenant.slug}/default/web/files?path=/tmp&name=..%2Fx HTTP/1.1`, [bearer, 'Content-Length: 1'], 'x'), [400, 404]],
    'a line break in a name': [requestRaw(`GET /api/pods/${tenant.slug}/default/web/files?path=/a%0d%0aset-cookie:%20x=y HTTP/1.1`, [bearer]), [400, 404]],
  }
  for (const [what, [asked, wanted]] of Object.entries(cases)) {
    const { status, headers, body } = await asked
    expect.soft([wanted].flat(), `${what}: ${status} ${body.slice(0, 200)}`).toContain(status)
    // A page of ours names its own scripts, and shows no address of the machine's.
    if (!body.includes('<html')) expect.soft(body, what).not.toMatch(inside)
    expect.soft(headers, what).not.toMatch(/x-powered-by|^server:|set-cookie: x|evil\.example/im)
  }
  for (const what of ['YAML of 10,000 levels', 'YAML that multiplies itself']) expect.soft((await cases[what]?.[0])?.body, what).toMatch(/"problems":\[\{/)
  expect(processOf('web'), 'none of them ended the process').toBe(web)
  expect(installation.log()).not.toContain('forged')
  expect((await tenant.api.configMap.list.query({ tenant: tenant.slug })).items.filter((each) => JSON.stringify(each).includes('polluted'))).toEqual([])
  const failed = await jsonPost(api('pod.create'), inTenant({ name: 'Bad' }), [bearer])
  expect(failed.body).toContain(/x-request-id: (\S+)/i.exec(failed.headers)?.[1] ?? 'no request id')
})

test('a crash of a page and of a procedure says a number that stands in the log, and no more', async ({ tenant, context, browser }) => {
  // A context of its own: that a page fails is what is wanted here.
  const failing = await browser.newContext()
  const database = await connectToDatabase()
  const restore = () => database.query('ALTER TABLE IF EXISTS "SessionAway" RENAME TO "Session"')
  try {
    // A try that was cut off may have left it so.
    await restore()
    const cookie = `Cookie: ${await cookieOf(context, tenant)}`
    await signInByRequest(failing, tenant.person)
    const page = await failing.newPage()
    // Whoever is signed in cannot be found out for a moment, as if the database were half gone.
    await database.query('ALTER TABLE "Session" RENAME TO "SessionAway"')
    const procedure = await requestRaw(`GET ${api('account.me')} HTTP/1.1`, [cookie])
    const crashed = await requestRaw('GET /account HTTP/1.1', [cookie])
    const session = await requestRaw('GET /api/auth/session HTTP/1.1', [cookie])
    const files = await requestRaw(`GET /api/pods/${tenant.slug}/default/web/files?path=/ HTTP/1.1`, [cookie])
    expect(await upgradeRaw('/ws/trpc', [cookie, `Origin: ${installation.url}`])).toBe(500)
    for (const { status, headers, body } of [procedure, crashed, session, files]) expect(`${status} ${headers} ${body}`).not.toMatch(/SessionAway|"Session"|relation|prisma|P20\d\d|node_modules|\bat \S+ \(/i)
    expect([procedure.status, files.status]).toEqual([500, 500])
    const id = /x-request-id: (\S+)/i.exec(procedure.headers)?.[1] ?? 'none'
    expect(procedure.body).toContain(id)
    await expect.poll(() => installation.log()).toContain(id)
    await page.goto('/account')
    await expect(page.getByRole('heading', { name: 'This page cannot be shown' })).toBeVisible()
    const digest = await page.getByRole('alert').locator('code').innerText()
    await expect.poll(() => installation.log()).toContain(digest)
    expect(await page.locator('body').innerText()).not.toMatch(/SessionAway|relation|prisma/i)
  } finally {
    await restore()
    await database.end()
    await failing.close()
  }
})

test('another site’s page does nothing with a person’s cookie', async ({ tenant, context }) => {
  const cookie = `Cookie: ${await cookieOf(context, tenant)}`
  const own = `Origin: ${installation.url}`
  const foreign = [['Origin: https://evil.example'], ['Origin: null'], ['Sec-Fetch-Site: cross-site'], ['Sec-Fetch-Site: same-site'], [`Origin: ${installation.url.replace(/:\d+$/, ':9')}`, 'Sec-Fetch-Site: same-site']]
  const create = JSON.stringify({ tenant: tenant.slug, name: 'forged' })
  const { csrfToken } = z.object({ csrfToken: z.string() }).parse(await (await context.request.get('/api/auth/csrf')).json())
  const signOut = `csrfToken=${csrfToken}`
  for (const from of foreign) {
    const what = from.join(', ')
    expect.soft((await jsonPost(api('namespace.create'), create, [cookie, ...from])).status, what).toBe(403)
    expect.soft((await requestRaw('POST /api/auth/signout HTTP/1.1', [cookie, ...from, 'Content-Type: application/x-www-form-urlencoded', `Content-Length: ${signOut.length}`], signOut)).status, what).toBe(403)
    expect.soft((await requestRaw(`PUT /api/images/${tenant.slug}?reference=a:1 HTTP/1.1`, [cookie, ...from, 'Content-Length: 1'], 'x')).status, what).toBe(403)
    expect.soft((await requestRaw(`POST /api/pods/${tenant.slug}/default/web/files?path=/ HTTP/1.1`, [cookie, ...from, 'Content-Length: 1'], 'x')).status, what).toBe(403)
    expect.soft((await requestRaw(`GET ${api('account.me')} HTTP/1.1`, [cookie, ...from])).status, what).toBe(401)
    expect.soft((await requestRaw(`GET /api/pods/${tenant.slug}/default/web/files?path=/ HTTP/1.1`, [cookie, ...from])).status, what).toBe(401)
  }
  for (const from of [['Origin: https://evil.example'], ['Origin: null'], [], [`Origin: ${installation.url.replace(/:\d+$/, ':9')}`]]) expect.soft(await upgradeRaw('/ws/trpc', [cookie, ...from]), from.join()).toBe(403)
  expect(await upgradeRaw('/ws/trpc', [cookie, own]), 'the control: our own page may').toBe(101)
  const query = `?input=${encodeURIComponent(create)}`
  expect((await requestRaw(`GET ${api('namespace.create')}${query} HTTP/1.1`, [cookie, own])).status, 'GET changes nothing').toBe(405)
  expect((await requestRaw(`GET ${api('account.me,namespace.create')}?batch=1&input=${encodeURIComponent(`{"1":${create}}`)} HTTP/1.1`, [cookie, own])).status, 'nor among other calls').toBe(400)
  expect((await tenant.api.namespace.list.query({ tenant: tenant.slug })).items.map((each) => each.metadata.name)).toEqual(['default'])
  expect((await jsonPost(api('namespace.create'), create, [cookie, own])).status, 'the control: our own page may').toBe(200)
})

test('no Host, forwarded host or callback leads away', async ({ tenant, page }) => {
  const email = `Reset-${randomBytes(4).toString('hex')}@example.com`.toLowerCase()
  await openApi().account.signUp.mutate({ ...tenant.person, email })
  const elsewhere = ['Host: evil.example', 'X-Forwarded-Host: evil.example', 'X-Forwarded-Proto: https', 'Forwarded: host=evil.example']
  expect((await jsonPost(api('account.requestPasswordReset'), JSON.stringify({ email }), elsewhere)).status).toBe(200)
  for (const path of ['/', `/t/${tenant.slug}/pods`, '/account', '/api/auth/signin', '/api/auth/signin?callbackUrl=https%3A%2F%2Fevil.example%2F', '/sign-in/', '/api/auth/error?error=x', '/api/auth/providers', '/t/', '/account/']) {
    const { headers, body } = await requestRaw(`GET ${path} HTTP/1.1`, elsewhere)
    expect.soft(`${headers}\n${path.startsWith('/api/') ? body : ''}`.replace(/callback-?url=[^\s;]*/gi, ''), path).not.toContain('evil.example')
  }
  await signInByRequest(page.context(), installation.operator)
  await expect(async () => {
    await page.goto('/system/mail')
    await page.getByRole('row').filter({ hasText: email }).getByRole('link').click({ timeout: 10_000 })
  }).toPass()
  await expect(page.getByText(`${installation.url}/reset-password?token=`)).toBeVisible()
  // Which addresses count as ours is in components/client/paths.test.ts; here, that both parameters are asked.
  for (const [key, next] of [['next', '//evil.example/'], ['next', '/\t/evil.example/'], ['callbackUrl', 'https://evil.example/']] as const) {
    await page.context().clearCookies()
    const tab = await page.context().newPage()
    await tab.goto(`/sign-in?${key}=${encodeURIComponent(next)}`)
    await fillSignIn(tab, tenant.person)
    await expect(tab.getByRole('heading', { name: 'Pods', level: 1 }), next).toBeVisible()
    await tab.close()
  }
})
