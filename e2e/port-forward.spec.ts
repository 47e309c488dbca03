import { once } from 'node:events'
import type { Page } from '@playwright/test'
import { sampleImage } from '@/domain/image/sample'
import { waitForPod } from './fixtures/pods'
import { expect, test } from './fixtures/test'
import { startTool } from './fixtures/tools'

/** A page that does what a hostile one would: it reads and sets cookies, and asks the console for something. */
const page = '<!doctype html><title>start</title><h1>Served by a pod</h1><script>document.cookie="own=1";document.title="cookies: "+document.cookie</script>'
const web = [
  'mkdir -p /www/cgi-bin',
  `echo '${page}' >/www/index.html`,
  String.raw`printf '#!/bin/sh\nprintf "content-type: text/plain\r\n\r\n"\necho "cookie=<$HTTP_COOKIE> method=$REQUEST_METHOD"\ncat\n' >/www/cgi-bin/seen`,
  'chmod +x /www/cgi-bin/seen',
  'exec httpd -f -p 127.0.0.1:8080 -h /www',
].join('; ')
const greeter = 'echo ready; while read -r line; do echo "you said $line"; done'
const spec = {
  terminationGracePeriodSeconds: 1,
  containers: [
    { name: 'web', image: sampleImage, command: ['sh', '-c', web], securityContext: { runAsUser: 0 }, ports: [{ containerPort: 8080, name: 'http' }] },
    { name: 'greeter', image: sampleImage, command: ['sh', '-c', greeter], stdin: true, tty: true },
  ],
}

/** Presses "Open" and gives the page of the new tab. */
async function opened(console: Page, port: number): Promise<Page> {
  const tab = console.waitForEvent('popup')
  await console.getByRole('button', { name: `Open port ${port} in this browser` }).click()
  return tab
}

test('a port of a pod is seen in the browser on an origin of its own and on one’s own machine, and a container’s own process in a terminal', async ({ console: browser, tenant }) => {
  test.setTimeout(240_000)
  await tenant.api.pod.create.mutate({ tenant: tenant.slug, namespace: 'default', name: 'web', spec })
  await waitForPod(tenant, { namespace: 'default', name: 'web' }, (pod) => pod.status.containers.length === 2 && pod.status.containers.every((each) => each.state === 'Running'))
  // httpd begins a moment after its container.
  const served = () => tenant.api.pod.run.mutate({ tenant: tenant.slug, namespace: 'default', name: 'web', container: 'web', command: ['wget', '-qO-', 'http://127.0.0.1:8080/'], timeoutSeconds: 60 })
  await expect.poll(async () => (await served()).exitCode, { timeout: 60_000 }).toBe(0)
  await browser.goto(`/t/${tenant.slug}/pods/default/web/ports`)

  await test.step('the pod’s page runs apart from the console', async () => {
    const tab = await opened(browser, 8080)
    await expect(tab.getByRole('heading', { name: 'Served by a pod' })).toBeVisible({ timeout: 30_000 })
    expect(new URL(tab.url()).hostname).toMatch(/^[0-9a-f]{32}\.forward\.localhost$/)
    expect(new URL(tab.url()).pathname).toBe('/')
    await expect(tab).toHaveTitle('cookies: own=1')
    expect(await tab.evaluate(() => window.opener === null)).toBe(true)
    const seen = await tab.evaluate(async () => (await fetch('/cgi-bin/seen', { method: 'POST', body: 'sent' })).text())
    expect(seen).toBe('cookie=<own=1> method=POST\nsent')
    const asked = await tab.evaluate(async (console) => {
      try {
        return String((await fetch(`${console}/api/trpc/account.me`, { credentials: 'include' })).status)
      } catch {
        return 'refused'
      }
    }, new URL(browser.url()).origin)
    expect(asked).toBe('refused')
    // Without the cookie of this browser the address is nobody's.
    const stranger = await browser.context().browser()?.newContext()
    expect((await (await stranger?.newPage())?.goto(tab.url()))?.status()).toBe(403)
    await stranger?.close()
    await tab.close()
  })

  await test.step('a port on which nothing listens says so', async () => {
    await browser.getByLabel('Port', { exact: true }).fill('70000')
    await expect(browser.getByText('A port is a number from 1 to 65535.')).toBeVisible()
    await browser.getByLabel('Port', { exact: true }).fill('81')
    const tab = browser.waitForEvent('popup')
    await browser.getByRole('button', { name: 'Open in this browser' }).click()
    await expect((await tab).getByText('Nothing in the pod listens on port 81.')).toBeVisible({ timeout: 30_000 })
    await (await tab).close()
  })

  await test.step('the local command', async () => {
    const shown = await browser.getByLabel('Command for port 8080', { exact: true }).innerText()
    expect(shown).toContain('default/web 8080:8080')
    const tool = startTool(tenant, '/', 'forward', 'default/web', ':8080', ':81')
    let [out, err] = ['', '']
    tool.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()))
    tool.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()))
    await expect.poll(() => out).toContain('Ctrl-C ends it.')
    const [web, nothing] = [...out.matchAll(/127\.0\.0\.1:(\d+)/g)].map((match) => match[1])
    const answers = await Promise.all(Array.from({ length: 4 }, async () => (await fetch(`http://127.0.0.1:${web}/`)).text()))
    expect(answers).toEqual(Array.from({ length: 4 }, () => `${page}\n`))
    await expect(fetch(`http://127.0.0.1:${nothing}/`)).rejects.toThrow()
    await expect.poll(() => err).toContain('Nothing in the pod listens on port 81.')
    const ended = once(tool, 'close')
    tool.kill('SIGINT')
    await ended
  })

  await test.step('a terminal on the container’s own process', async () => {
    await browser.getByRole('link', { name: 'Terminal', exact: true }).click()
    await browser.getByRole('link', { name: 'Attach to its own process' }).click()
    await expect(browser.getByText('takes no input')).toBeVisible()
    await browser.getByLabel('Container').selectOption('greeter')
    await expect(browser.getByText('Connected')).toBeVisible()
    await browser.keyboard.type('hello there\n')
    await expect(browser.locator('.xterm-rows')).toContainText('you said hello there')
  })

  await test.step('all of it is in the audit, with its port and bytes', async () => {
    const { items } = await tenant.api.audit.list.query({ tenant: tenant.slug, limit: 200 })
    const entries = items.map((entry) => `${entry.action} ${entry.detail}`)
    for (const expected of [/^pod\.portForward\.open port 8080 in a browser$/, /^pod\.portForward\.open port 8080$/, /^pod\.portForward\.close port 8080, \d+ B in, \d+ B out$/, /^pod\.attach\.open container greeter$/]) expect(entries).toContainEqual(expect.stringMatching(expected))
  })
})
