import type { BrowserContext, Page } from '@playwright/test'
import { sampleImage } from '@/domain/image/sample'
import { makeCertificate } from '@/platform/crypto/testing/certificates'
import { openApi } from './fixtures/api'
import { signInByRequest, type Tenant } from './fixtures/accounts'
import { visits, type Named } from './fixtures/every-page'
import { startForeignSite } from './fixtures/foreign-site'
import { installation } from './fixtures/installation'
import { isRunning, runIn, waitForPod } from './fixtures/pods'
import { sendRaw } from './fixtures/raw-http'
import { expect, test } from './fixtures/test'
import { writeSnapshot } from './fixtures/volumes'

/** Runs wherever it is taken for markup. */
const markup = '<img src=x onerror="ran=1">"><script>ran=1</script>'
const address = 'javascript:ran=1'
/** Turns the direction of text, so that what is read is not what is there. */
const turned = 'invoice\u202egpj.sh'
const hostile = `${markup} ${address} ${turned}`
/** The same where no blank may be. */
const dense = markup.replaceAll(' ', '/')
/** In a certificate's name. */
const certified = '<img src=x onerror=ran=1>'

/** Whether anything of a tenant's ran as a script in this page. */
const ran = (page: Page): Promise<boolean> => page.evaluate(() => 'ran' in globalThis)

test('a page of another site, beside ours or far away, makes a signed-in browser do nothing here', async ({ browser, tenant }) => {
  const site = await startForeignSite()
  const context = await browser.newContext()
  try {
    await signInByRequest(context, tenant.person)
    // Cookies know no ports: a page at another port of the same host is of the same site, and the browser sends them along.
    for (const origin of [`http://127.0.0.1:${site.port}`, `http://localhost:${site.port}`]) {
      const page = await context.newPage()
      await page.goto(origin)
      const seen = await page.evaluate(attack, { console: installation.url, tenant: tenant.slug })
      expect.soft(seen, origin).toEqual({ read: 'refused', script: 'refused', socket: 'refused', frame: 'refused', opener: 'cut off' })
      await page.close()
    }
    const page = await context.newPage()
    await page.goto('/account')
    await expect(page.getByRole('heading', { level: 1 }), 'still signed in').toBeVisible()
    expect((await tenant.api.namespace.list.query({ tenant: tenant.slug })).items.map((each) => each.metadata.name)).toEqual(['default'])
    expect((await tenant.api.audit.list.query({ tenant: tenant.slug })).items.filter((each) => /create|delete/.test(each.action) && each.kind !== 'Token')).toEqual([])
  } finally {
    await context.close()
    await site.stop()
  }
})

/** What a hostile page tries with its visitor's cookies; runs in the browser. */
async function attack({ console, tenant }: { console: string; tenant: string }): Promise<Record<string, string>> {
  const forged = JSON.stringify({ tenant, name: 'forged' })
  const told = (work: Promise<unknown>) => work.then(() => 'let in', () => 'refused')
  const within = <T>(ms: number, work: Promise<T>) => Promise.race([work, new Promise<never>((_, no) => setTimeout(() => no(new Error('late')), ms))])
  for (const type of ['text/plain', 'application/x-www-form-urlencoded']) await fetch(`${console}/api/trpc/namespace.create`, { method: 'POST', mode: 'no-cors', credentials: 'include', headers: { 'content-type': type }, body: forged }).catch(() => {})
  await fetch(`${console}/api/trpc/namespace.create`, { method: 'POST', credentials: 'include', headers: { 'content-type': 'application/json' }, body: forged }).catch(() => {})
  navigator.sendBeacon(`${console}/api/auth/signout`, new URLSearchParams({ csrfToken: 'x' }))
  const frame = document.createElement('iframe')
  frame.name = 'target'
  document.body.append(frame)
  for (const [path, enctype, name, value] of [['/api/trpc/namespace.create', 'text/plain', forged.slice(0, -1).concat(',"x":"'), '"}'], ['/api/auth/signout', 'application/x-www-form-urlencoded', 'json', 'true'], [`/api/images/${tenant}?reference=a:1`, 'multipart/form-data', 'a', 'b']] as const) {
    const form = Object.assign(document.createElement('form'), { action: `${console}${path}`, method: 'post', enctype, target: 'target' })
    form.append(Object.assign(document.createElement('input'), { name, value }))
    document.body.append(form)
    form.submit()
    await new Promise((resolve) => { frame.onload = resolve })
  }
  const read = await told(fetch(`${console}/api/trpc/account.me`, { credentials: 'include' }))
  const script = await told(new Promise((yes, no) => document.head.append(Object.assign(document.createElement('script'), { src: `${console}/api/auth/session`, onload: yes, onerror: no }))))
  const socket = await told(new Promise((yes, no) => Object.assign(new WebSocket(`${console.replace('http', 'ws')}/ws/trpc`), { onopen: yes, onerror: no })))
  const shown = document.createElement('iframe')
  shown.src = `${console}/account`
  const loaded = new Promise((resolve) => { shown.onload = resolve })
  document.body.append(shown)
  await loaded
  // A frame that is refused shows the browser's own page, with no frame of ours below it and no answer to a message.
  const answered = new Promise((yes) => addEventListener('message', yes))
  shown.contentWindow?.postMessage({}, '*')
  const frames = await within(200, answered).then(() => 'shown', () => (shown.contentWindow?.length === 0 ? 'refused' : 'shown'))
  const tab = open(`${console}/sign-in`)
  for (let tries = 0; tries < 300 && tab && !tab.closed; tries++) await new Promise((resolve) => setTimeout(resolve, 100))
  const opener = !tab || tab.closed ? 'cut off' : 'held'
  return { read, script, socket, frame: frames, opener }
}

test('the policy stops what markup would run, and tells of it', async ({ browser }) => {
  const context = await browser.newContext()
  const page = await context.newPage()
  const told: string[] = []
  page.on('console', (message) => told.push(message.text()))
  await page.goto('/sign-in')
  await expect(page.getByRole('button', { name: 'Sign in' })).toBeVisible()
  await page.evaluate((text) => {
    const violations = new Set<string>()
    document.addEventListener('securitypolicyviolation', (event) => { document.documentElement.dataset['told'] = [...violations.add(event.effectiveDirective)].sort().join(' ') })
    document.body.insertAdjacentHTML('beforeend', `${text}<style>body{display:none}</style><a id=a href="javascript:ran=1">x</a><form id=f action="https://evil.example/"></form><iframe src="https://evil.example/"></iframe><object data="https://evil.example/"></object><img src="https://evil.example/x.png"><base href="https://evil.example/">`)
    document.getElementById('a')?.click()
    ;(document.getElementById('f') as HTMLFormElement).submit()
    // Not within this call: what a debugger evaluates may evaluate.
    setTimeout(() => { try { (0, eval)('ran=1') } catch { /* told as a violation */ } })
    void fetch('https://evil.example/').catch(() => {})
  }, markup)
  // Not by a locator: it would wait for the form's navigation, which never comes.
  await expect.poll(() => page.evaluate(() => document.documentElement.dataset['told'])).toBe('base-uri connect-src form-action frame-src img-src object-src script-src script-src-attr script-src-elem style-src-elem')
  expect(await ran(page)).toBe(false)
  expect(told.join('\n'), 'what every other journey fails on').toMatch(/Content Security Policy/)
  await context.close()
})

test.describe('texts of a tenant’s', () => {
  test.use({ userAgent: `Mozilla/5.0 ${markup}`, permissions: ['clipboard-read', 'clipboard-write'] })

  test('are shown as text on every page, and nothing in them runs', async ({ page, context, makeTenant }) => {
    // Some ninety pages, a pod and a balancer.
    test.slow()
    const tenant = await makeTenant({ name: markup.slice(0, 80), organization: `${markup.slice(0, 60)} co` })
    const named = await plant(tenant)
    await signInByRequest(context, tenant.person)
    const dialogs: string[] = []
    page.on('dialog', (dialog) => { dialogs.push(dialog.message()); void dialog.dismiss() })
    const shows: Record<string, string> = {
      '/t/[tenant]/tokens': markup, '/account': markup.slice(0, 40), '/t/[tenant]/config-maps/[namespace]/[name]': markup, '/t/[tenant]/security-groups/[name]': markup,
      '/t/[tenant]/pods/[namespace]/[name]/yaml': 'onerror', '/t/[tenant]/pods/[namespace]/[name]/logs': markup, '/t/[tenant]/pods/[namespace]/[name]/events': markup,
      '/t/[tenant]/load-balancers/[source]/[namespace]/[name]/logs': dense, '/t/[tenant]/load-balancers/[source]/[namespace]/[name]/certificates': 'img src=x onerror=ran=1',
    }
    await requestsOfStrangers(tenant)
    for (const [route, visit] of Object.entries({ ...visits.tenant, ...visits.pod })) {
      // A form for something new shows no text of the tenant's that the page below it does not.
      if (('form' in visit && !/edit$|associate$/.test(route)) || route === '/t/[tenant]') continue
      await look(page, visit.path(named))
      const text = shows[route]
      if (text) await expect.soft(page.locator('body'), route).toContainText(text)
    }
    const ofTexts = ['networks/texts', 'networks/texts/edit', 'networks/texts/peerings', 'networks/texts/topology', ...['', '/rules', '/certificates', '/options', '/yaml'].map((tab) => `load-balancers/ingress/default/texts${tab}`)]
    for (const path of ofTexts) await look(page, `/t/${tenant.slug}/${path}`)
    await terminal(page, tenant, context)
    await queries(page, tenant)
    await signInByRequest(context, installation.operator)
    for (const path of ['/system/mail', '/system/top', '/system/starts', '/system/approvals', '/system/address-pools', '/system/address-pools/default', '/system/hosts']) await look(page, path)
    expect(dialogs).toEqual([])
  })
})

/** Opens a page and waits until it shows what it has; nothing of a tenant's may have run. */
async function look(page: Page, path: string): Promise<void> {
  await page.goto(path)
  // What an address asks wrongly is told in place of the page.
  await expect(page.getByRole('heading', { level: 1, includeHidden: true }).or(page.getByRole('alert')).first(), path).toBeAttached()
  await expect(page.locator('[aria-busy=true]'), path).toHaveCount(0)
  expect.soft(await ran(page), path).toBe(false)
  const links = await page.evaluate(() => [...document.querySelectorAll<HTMLElement>('[href],[src],[action]')].flatMap((each) => ['href', 'src', 'action'].flatMap((name) => each.getAttribute(name) ?? [])))
  expect.soft(links.filter((link) => /^\s*(javascript|data|vbscript|blob):/i.test(link)), path).toEqual([])
}

/** Fills everything that takes a text with one that would run. */
async function plant(tenant: Tenant): Promise<Named> {
  const { api, slug } = tenant
  const annotations = { note: hostile }
  await openApi().token.issue.mutate({ email: tenant.person.email, password: tenant.person.password, name: markup, expiresInDays: 1 })
  await api.configMap.create.mutate({ tenant: slug, name: 'texts', annotations, data: { 'a.html': hostile, link: address } })
  await api.secret.create.mutate({ tenant: slug, name: 'texts', annotations, stringData: { 'a.html': hostile } })
  await api.securityGroup.create.mutate({ tenant: slug, name: 'texts', annotations, spec: { description: hostile.slice(0, 256), rules: [{ direction: 'ingress', description: hostile.slice(0, 256) }] } })
  await api.networkPolicy.create.mutate({ tenant: slug, name: 'texts', annotations, spec: { podSelector: {} } })
  const pair = makeCertificate({ subject: certified, names: [certified] })
  await api.secret.create.mutate({ tenant: slug, name: 'texts-tls', type: 'kubernetes.io/tls', annotations, stringData: { 'tls.crt': pair.certificate, 'tls.key': pair.key } })
  await api.service.create.mutate({ tenant: slug, name: 'texts', annotations: { ...annotations, 'balancer.hypernetes.io/protocol': 'https', 'balancer.hypernetes.io/certificates': 'texts-tls' }, spec: { type: 'LoadBalancer', ports: [{ name: 'http', port: 80 }, { name: 'https', port: 443 }] } })
  await api.ingress.create.mutate({ tenant: slug, name: 'texts', annotations, spec: { defaultBackend: { service: { name: 'texts', port: { number: 80 } } }, tls: [{ hosts: ['texts.example'], secretName: 'texts-tls' }] } })
  await api.network.create.mutate({ tenant: slug, name: 'texts', annotations, spec: { subnets: { a: { cidr: '10.77.0.0/24' } } } })
  await api.networkPeering.create.mutate({ tenant: slug, name: 'texts', annotations, spec: { network: 'texts', peer: { network: 'default' } } })
  await api.floatingAddress.create.mutate({ tenant: slug, name: 'texts', annotations, spec: { target: { kind: 'Pod', name: 'texts' } } })
  await api.volume.create.mutate({ tenant: slug, name: 'texts', annotations, spec: { size: '1Gi' } })
  await writeSnapshot(tenant, { name: 'texts', volume: 'texts', annotations })
  await api.volumeClaim.create.mutate({ tenant: slug, name: 'texts', annotations, spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } } })
  await api.snapshotSchedule.create.mutate({ tenant: slug, name: 'texts', annotations, spec: { volumes: { names: ['texts'] }, every: '1d', keep: { last: 1 } } })
  await api.account.requestPasswordReset.mutate({ email: tenant.person.email })
  const log = [hostile, '\u001b]0;owned\u0007\u001b]52;c;b3duZWQ=\u0007\u001b]8;;javascript:ran=1\u0007link\u001b]8;;\u0007\u001b[2J\u001b[31mred'].map((line) => `printf '%s\\n' '${line}'`).join('; ')
  const env = [{ name: 'TEXT', value: hostile }]
  const web = { name: 'main', image: sampleImage, securityContext: { runAsUser: 0 }, env, command: ['sh', '-c', `mkdir -p /data; cd /data; touch '<img src=x onerror="ran=1">' 'javascript:ran=1' '${turned}'; ${log}; exec sleep 3600`, markup] }
  // A program of this name is not there, so that a message of the guest's holds it.
  const missing = { name: 'missing', image: sampleImage, command: [markup] }
  await api.pod.create.mutate({ tenant: slug, name: 'texts', annotations, spec: { terminationGracePeriodSeconds: 1, containers: [web, missing] } })
  await waitForPod(tenant, { namespace: 'default', name: 'texts' }, (pod) => isRunning(pod) || pod.status.containers.some((each) => each.name === 'main' && each.state === 'Running'))
  return { tenant: slug, pod: 'texts', service: 'texts', balancer: 'texts', floatingAddress: 'texts', volume: 'texts', claim: 'texts', snapshot: 'texts', schedule: 'texts', securityGroup: 'texts', networkPolicy: 'texts', configMap: 'texts', secret: 'texts', host: '', mail: '' }
}

/** What anybody on the internet may say to a tenant's balancer, and its log shows. */
async function requestsOfStrangers({ api, slug }: Tenant): Promise<void> {
  const balancer = () => api.loadBalancer.get.query({ tenant: slug, name: 'texts' })
  await expect.poll(async () => (await balancer()).status.addresses.length, { timeout: 120_000 }).toBeGreaterThan(0)
  const [host = ''] = (await balancer()).status.addresses
  const ask = (line: string, name: string) => sendRaw([line, `Host: ${name}`, `User-Agent: ${markup}`, `Referer: ${address}`, 'Connection: close'], '', { host, port: 80 }).then(({ status }) => status, () => 0)
  // Nobody is behind it.
  await expect.poll(() => ask(`GET /${dense}?${dense} HTTP/1.1`, 'texts.example'), { timeout: 120_000 }).toBe(503)
  for (const [line, name] of [['GET / HTTP/1.1', dense], ['GET / HTTP/1.1', '<img'], [`${dense} / HTTP/1.1`, 'texts.example'], [`GET ${address} HTTP/1.1`, 'texts.example']] as const) expect([400, 503], `${line} ${name}`).toContain(await ask(line, name))
}

/** A terminal takes no clipboard, no title and no link but one to the web. */
async function terminal(page: Page, tenant: Tenant, context: BrowserContext): Promise<void> {
  await page.goto(`/t/${tenant.slug}/pods/default/texts/terminal`)
  await expect(page.getByText('Connected')).toBeVisible()
  const title = await page.title()
  await page.evaluate(() => navigator.clipboard.writeText('before'))
  await page.locator('.xterm-helper-textarea').focus()
  await page.keyboard.type(String.raw`printf '\033]0;owned\007\033]2;owned\007\033]52;c;b3duZWQ=\007\033]8;;javascript:ran=1\007press-me\033]8;;\007\033[21t'; echo; echo '<img src=x onerror="ran=1">' do""ne` + '\n')
  await expect(page.locator('.xterm-rows')).toContainText('done')
  const link = page.locator('.xterm-rows span', { hasText: /^press-me/ }).last()
  await link.hover({ force: true })
  await link.click({ force: true, modifiers: ['ControlOrMeta'] })
  expect(await page.title()).toBe(title)
  expect(await page.evaluate(() => navigator.clipboard.readText())).toBe('before')
  expect(await ran(page)).toBe(false)
  expect(context.pages()).toHaveLength(1)
  const listed = await runIn(tenant, { namespace: 'default', name: 'texts' }, 'ls', '/data')
  expect(listed.stdout).toContain('<img')
  await look(page, `/t/${tenant.slug}/pods/default/texts/files?container=main&path=%2Fdata`)
  await expect(page.getByText('<img src=x onerror="ran=1">').first()).toBeVisible()
  await expect(page.getByText('invoice<U+202E>gpj.sh'), 'what would turn the text is written out').toBeVisible()
}

/** What an address brings is text as well. */
async function queries(page: Page, tenant: Tenant): Promise<void> {
  const q = encodeURIComponent(markup)
  for (const path of [`pods?q=${q}`, `pods?namespace=${q}&state=${q}`, `config-maps?q=${q}`, `pods/new?namespace=${q}`, `pods/default/texts/files?container=main&path=${q}`, `pods/default/${q}`]) await look(page, `/t/${tenant.slug}/${path}`)
  await look(page, `/t/${q}/pods`)
  await page.context().clearCookies()
  for (const path of [`/sign-in?error=${q}&next=${encodeURIComponent(address)}`, `/reset-password?token=${q}`]) await look(page, path)
  await expect(openApi().token.issue.mutate({ email: markup, password: markup, name: markup, expiresInDays: 1 })).rejects.toThrow()
}
