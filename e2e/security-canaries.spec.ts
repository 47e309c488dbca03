import { spawn } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { connect } from 'node:tls'
import type { BrowserContext } from '@playwright/test'
import { z } from 'zod'
import { sampleImage } from '@/domain/image/sample'
import { makeCertificate } from '@/platform/crypto/testing/certificates'
import { openApi } from './fixtures/api'
import { signInByRequest, type Tenant } from './fixtures/accounts'
import { connectToDatabase } from './fixtures/database'
import { dumpDatabase, foundIn, newCanary, ProcessWatch, type Canaries } from './fixtures/canaries'
import { searchFiles } from './fixtures/canary-files'
import { installation } from './fixtures/installation'
import { runIn, waitForPod, waitUntilRunning } from './fixtures/pods'
import { PRIVATE } from './fixtures/registry'
import { expect, test } from './fixtures/test'

const file = (...path: string[]): string => readFileSync(join(installation.data, ...path), 'utf8').trim()

/**
 * The files below the data folder that may hold a secret in clear, each for its own alone. All belong to one account and are
 * closed to others (tools/start/keys.ts, tools/postgres/cluster.ts).
 */
const mayHold: Readonly<Record<string, string>> = {
  'key ring': 'keys/keyring.json',
  'database password': 'supervisor/postgres.password',
  'session secret': 'web/session-secret',
  'key of the host': 'host/identity.pem',
}
/** What of those files is secret, where it is not all of it: a key's first bytes say of what kind it is. */
const secretPart: Readonly<Record<string, RegExp>> = { 'key ring': /"keys":\{"[^"]+":"([^"]+)"/, 'key of the host': /\n.{24}(.{36})/ }
/** A certificate's key on its host: in memory (host/balancers/haproxy/memory-folder.ts), for the account of its balancer's HAProxy alone. */
const certificatesKey = 'key of a certificate'
const certificatesFile = new RegExp(`^${certificatesKey}: host/balancers/[^/]+/memory/[^/]+/certificate-[^/]+\\.pem$`)
/** Environments of processes that may: only root and the process's own account can read them. What the operator sets in the supervisor's stays the operator's. */
const mayHoldInEnvironment = ['database password: environ of control.mjs', 'database password: environ of migrate.mjs', 'database password: environ of web.mjs', 'session secret: environ of web.mjs', 'operator’s password: environ of migrate.mjs', 'operator’s password: environ of start.mjs']

test('no secret that anybody gives is found where it has no business', async ({ page, context, browser, makeTenant, registry }) => {
  test.slow()
  const canaries = new Map<string, string>()
  const plant = (what: string): string => {
    canaries.set(what, newCanary(what))
    return canaries.get(what) ?? ''
  }
  const browserConsole: string[] = []
  page.on('console', (message) => browserConsole.push(message.text()))
  for (const [name, path] of Object.entries(mayHold)) canaries.set(name, secretPart[name] ? (secretPart[name].exec(file(path))?.[1] ?? '') : file(path))
  canaries.set('operator’s password', installation.operator.password)
  // In clear on purpose: each search has to find this one where it was put.
  const control: Canaries = new Map([['control', newCanary('control')]])
  const clear = control.get('control') ?? ''
  const decoy = spawn(process.execPath, ['-e', 'setTimeout(() => {}, 600_000)', clear], { env: { NODE_ENV: 'test', DECOY: clear }, stdio: 'ignore' })
  const watch = new ProcessWatch(() => (decoy.pid ? [decoy.pid] : []))
  try {
    const tenant = await makeTenant({ password: plant('password at sign-up') })
    canaries.set('API token', tenant.token)
    await expect(openApi().token.issue.mutate({ email: tenant.person.email, password: plant('wrong password'), name: 'x', expiresInDays: 1 })).rejects.toThrow()
    await plantSecrets(tenant, plant)
    canaries.set(certificatesKey, await serveCertificate(tenant, plant))
    await refusedPull(tenant, registry.host, plant('registry password'))
    const pod = { namespace: 'default', name: 'holder' }
    await waitUntilRunning(tenant, pod)
    // So that reading them is no empty claim: the pod has them.
    expect((await runIn(tenant, pod, 'sh', '-c', 'echo ${#FROM_SECRET}; wc -c </etc/login/value')).stdout.trim().split(/\s+/)).toEqual([canaries.get('Opaque value'), canaries.get('Opaque value')].map((each) => String(each?.length)))
    await tenant.api.pod.run.mutate({ tenant: tenant.slug, ...pod, command: ['sh', '-c', 'cat >/dev/null'], stdin: plant('stdin of a command') })
    await tenant.api.pod.run.mutate({ tenant: tenant.slug, ...pod, command: ['sh', '-c', 'exit 3', plant('argument of a command')] })

    await signInByRequest(context, tenant.person)
    canaries.set('session cookie', (await context.cookies()).find((each) => each.name.endsWith('session-token'))?.value ?? '')
    page.on('websocket', (socket) => {
      const ticket = /\/ws\/stream\/([\w-]{20,})/.exec(socket.url())?.[1]
      if (ticket) canaries.set('ticket of a terminal', ticket)
    })
    await page.goto(`/t/${tenant.slug}/pods/default/holder/terminal`)
    await expect(page.getByText('Connected')).toBeVisible()
    await page.keyboard.type('stty -echo; cat >/dev/null\n')
    await page.keyboard.type(`${plant('typed into a terminal')}\n`)
    canaries.set('ticket of a forward', /enter\/([\w-]{43})$/.exec((await tenant.api.pod.openPortInBrowser.mutate({ tenant: tenant.slug, ...pod, port: 80 })).url)?.[1] ?? '')
    await page.goto(`/t/${tenant.slug}/secrets/default/opaque`)
    await page.getByRole('button', { name: 'Reveal values' }).click()
    await expect(page.getByText(canaries.get('Opaque value') ?? '')).toBeVisible()
    const office = await browser.newContext()
    await resetPassword(tenant, office, canaries, plant)
    await office.close()

    // The control, in the log of the web process, the database, a file of the host's and the browser's console.
    await makeWebLog(tenant, clear)
    await tenant.api.configMap.create.mutate({ tenant: tenant.slug, name: 'control', data: { control: clear } })
    await runIn(tenant, pod, 'sh', '-c', `echo ${clear} >/proc/1/fd/1`)
    await page.evaluate((text) => console.log(text), clear)
    watch.look()
  } finally {
    watch.stop()
    decoy.kill()
  }

  expect([...canaries].filter(([, secret]) => secret.length < 16), 'each was planted').toEqual([])
  const database = await dumpDatabase()
  const tables = [...database].flatMap(([table, rows]) => foundIn(canaries, rows).map((name) => `${name}: ${table}`))
  expect.soft(tables, 'the database in clear').toEqual([])
  expect.soft([...database].flatMap(([table, rows]) => foundIn(control, rows).map(() => table))).toContain('public."ConfigMap"')
  expect.soft(foundIn(canaries, installation.log()), 'the log of all processes').toEqual([])
  const linesOfWeb = installation.log().split('\n').filter((line) => line.startsWith('web '))
  expect.soft(foundIn(control, linesOfWeb.join('\n')), 'what the web process logs is in what is searched').toEqual(['control'])
  expect.soft(foundIn(canaries, browserConsole.join('\n')), 'the browser’s console').toEqual([])
  expect.soft(foundIn(control, browserConsole.join('\n'))).toEqual(['control'])
  expect.soft(watch.found(canaries).filter((each) => !mayHoldInEnvironment.includes(each)), 'arguments and environments').toEqual([])
  expect.soft(watch.found(control)).toEqual(['control: cmdline of node', 'control: environ of node'])
  const files = await searchFiles(canaries)
  expect.soft(files.filter((each) => !certificatesFile.test(each) && !Object.entries(mayHold).some(([name, path]) => each === `${name}: ${path}`)), 'files').toEqual([])
  expect.soft(files.some((each) => certificatesFile.test(each)), 'the key came to its host').toBe(true)
  expect.soft(files, 'the search reads what may hold them').toEqual(expect.arrayContaining(Object.entries(mayHold).map(([name, path]) => `${name}: ${path}`)))
  expect.soft((await searchFiles(control)).join('\n')).toMatch(/control: host\/logs\//)
})

/** A Secret of each type, and a pod that takes one as a variable and as a file. */
async function plantSecrets({ api, slug }: Tenant, plant: (what: string) => string): Promise<void> {
  const create = (name: string, type: string, stringData: Record<string, string>) => api.secret.create.mutate({ tenant: slug, name, type, stringData })
  await create('opaque', 'Opaque', { value: plant('Opaque value') })
  await api.secret.create.mutate({ tenant: slug, name: 'bytes', data: { value: Buffer.from(`\0${plant('Opaque bytes')}`).toString('base64') } })
  await create('basic', 'kubernetes.io/basic-auth', { username: 'ada', password: plant('basic-auth password') })
  await create('ssh', 'kubernetes.io/ssh-auth', { 'ssh-privatekey': plant('ssh key') })
  await create('own', 'example.com/license', { key: plant('license') })
  await api.secret.update.mutate({ tenant: slug, name: 'own', stringData: { key: plant('changed license') } })
  await api['manifest.apply'].mutate({ tenant: slug, yaml: `apiVersion: v1\nkind: Secret\nmetadata: {name: applied}\nstringData: {value: ${plant('Secret of a manifest')}}\n` })
  await expect(create('wrong', 'kubernetes.io/tls', { 'tls.key': plant('refused Secret') })).rejects.toThrow()
  const container = { name: 'main', image: sampleImage, command: ['sleep', '3600'], env: [{ name: 'FROM_SECRET', valueFrom: { secretKeyRef: { name: 'opaque', key: 'value' } } }], volumeMounts: [{ name: 'login', mountPath: '/etc/login' }] }
  await api.pod.create.mutate({ tenant: slug, name: 'holder', spec: { terminationGracePeriodSeconds: 1, containers: [container], volumes: [{ name: 'login', secret: { secretName: 'opaque', defaultMode: 0o444 } }] } })
}

/** A balancer that serves a certificate, which goes from the server to the host's agent and to HAProxy. What of its key stands nowhere else, not even in the certificate, as its file has it. */
async function serveCertificate({ api, slug }: Tenant, plant: (what: string) => string): Promise<string> {
  const { certificate, key } = makeCertificate()
  // What stands after a key's end is kept in the Secret.
  await api.secret.create.mutate({ tenant: slug, name: 'tls', type: 'kubernetes.io/tls', stringData: { 'tls.crt': certificate, 'tls.key': `${key}${plant('text after a key')}\n` } })
  await api.service.create.mutate({ tenant: slug, name: 'tls', annotations: { 'balancer.hypernetes.io/protocol': 'https', 'balancer.hypernetes.io/certificates': 'tls' }, spec: { type: 'LoadBalancer', ports: [{ port: 443, protocol: 'TCP' }] } })
  const served = async () => {
    const [address] = (await api.loadBalancer.get.query({ tenant: slug, name: 'tls' })).status.addresses
    return address === undefined ? '' : fingerprintAt(address)
  }
  await expect.poll(served, { timeout: 120_000, message: 'the certificate that the balancer serves' }).toBe(new X509Certificate(certificate).fingerprint256)
  // The private number ends in the second line; the public one, which follows, is the certificate's too.
  return /KEY-----\n.*\n(.{24})/.exec(key)?.[1] ?? ''
}

/** Of the certificate that is served at port 443; empty while there is none. */
const fingerprintAt = (host: string): Promise<string> => new Promise((resolve) => {
  const socket = connect({ host, port: 443, rejectUnauthorized: false, timeout: 20_000 }, () => {
    resolve(socket.getPeerCertificate().fingerprint256)
    socket.destroy()
  })
  socket.on('timeout', () => socket.destroy()).on('error', () => resolve('')).on('close', () => resolve(''))
})

/** A pull that gives its password and is refused with it: what fails is told, and what was given is not. */
async function refusedPull({ api, slug, ...tenant }: Tenant, registry: string, password: string): Promise<void> {
  const config = JSON.stringify({ auths: { [registry]: { username: 'reader', password, auth: Buffer.from(`reader:${password}`).toString('base64') } } })
  await api.secret.create.mutate({ tenant: slug, name: 'login', type: 'kubernetes.io/dockerconfigjson', stringData: { '.dockerconfigjson': config } })
  await api.pod.create.mutate({ tenant: slug, name: 'refused', spec: { terminationGracePeriodSeconds: 1, imagePullSecrets: [{ name: 'login' }], containers: [{ name: 'main', image: `${registry}/${PRIVATE}/nothing:1` }] } })
  await waitForPod({ api, slug, ...tenant }, { namespace: 'default', name: 'refused' }, ({ status }) => status.conditions.some((each) => each.reason === 'ImageRefused'))
}

/** Has the web process log a text: what the database says of a fault that nobody foresaw is the operator's to read. */
async function makeWebLog({ api, slug }: Tenant, text: string): Promise<void> {
  const database = await connectToDatabase()
  try {
    await database.query(`CREATE OR REPLACE FUNCTION fault() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION '${text}'; END $$`)
    await database.query(`CREATE OR REPLACE TRIGGER fault BEFORE INSERT ON "ConfigMap" FOR EACH ROW WHEN (NEW."name" = 'fault-${slug}') EXECUTE FUNCTION fault()`)
    await expect(api.configMap.create.mutate({ tenant: slug, name: `fault-${slug}`, data: {} })).rejects.toThrow(/Something went wrong/)
  } finally {
    await database.query('DROP FUNCTION IF EXISTS fault CASCADE')
    await database.end()
  }
}

/** A link by mail, which the operator hands on, and what it sets. */
async function resetPassword(tenant: Tenant, office: BrowserContext, canaries: Map<string, string>, plant: (what: string) => string): Promise<void> {
  const { email } = tenant.person
  await openApi().account.requestPasswordReset.mutate({ email })
  await signInByRequest(office, installation.operator)
  const ask = async <T>(procedure: string, input: object, answer: z.ZodType<T>): Promise<T> => {
    const response = await office.request.get(`/api/trpc/${procedure}?input=${encodeURIComponent(JSON.stringify(input))}`)
    return z.object({ result: z.object({ data: answer }) }).parse(await response.json()).result.data
  }
  const mails = z.object({ mails: z.array(z.object({ id: z.string(), recipient: z.string() })) })
  const find = async () => (await ask('mail.list', { limit: 20 }, mails)).mails.find((mail) => mail.recipient === email)?.id ?? ''
  await expect.poll(find).not.toBe('')
  const { body } = await ask('mail.get', { id: await find() }, z.object({ body: z.string() }))
  const token = /token=(\w+)/.exec(body)?.[1] ?? ''
  canaries.set('reset token', token)
  await openApi().account.resetPassword.mutate({ token, password: plant('password of a reset') })
  await expect(openApi().account.resetPassword.mutate({ token, password: plant('password of a used link') })).rejects.toThrow()
}
