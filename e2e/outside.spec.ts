import { readFileSync } from 'node:fs'
import { get } from 'node:http'
import { request } from 'node:https'
import { text } from 'node:stream/consumers'
import { makeCertificate } from '@/platform/crypto/testing/certificates'
import { expect, test } from './fixtures/test'

const guide = readFileSync(new URL('../docs/guides/load-balancers.md', import.meta.url), 'utf8')
/**
 * The guide's own manifest: three pods, two services, an address, and an Ingress with a rule for each of two hosts. Probes wait longer here, on a machine
 * that others load: pods that count as not ready for a moment would be an error to clients.
 */
const manifest = ([...guide.matchAll(/```yaml\n(.*?)```/gs)].map(([, yaml = '']) => yaml).find((yaml) => yaml.includes('kind: Ingress')) ?? '').replaceAll('periodSeconds: 1}', 'periodSeconds: 1, timeoutSeconds: 10}')
/** One pod more, as the first. */
const third = (manifest.split('---')[0] ?? '').replaceAll('shop-1', 'shop-3').replaceAll('shop 1', 'shop 3')
const hosts = ['shop.example.com', 'blog.example.com']

type Asked = { address: string; host: string; ca: string }
/** A machine that others load answers late: that is no error. */
const timeout = 20_000
/** What is answered to a request from this machine by a new connection, or why nothing is, or not all of it. */
const ask = ({ address, host, ca }: Asked): Promise<string> =>
  new Promise((resolve) => {
    const fail = (error: Error) => resolve(error.message)
    const asked = request({ host: address, port: 443, servername: host, ca, headers: { host }, agent: false, timeout }, (answer) => void text(answer).then((body) => resolve(`${answer.statusCode} ${body.trim()}`), fail))
    asked.on('timeout', () => asked.destroy(new Error('timeout'))).on('error', fail).end()
  })
const askPlain = (address: string, host: string): Promise<string> =>
  new Promise((resolve) => {
    const asked = get({ host: address, headers: { host }, agent: false, timeout }, (answer) => { answer.resume(); resolve(`${answer.statusCode} ${answer.headers.location ?? ''}`) })
    asked.on('timeout', () => asked.destroy(new Error('timeout'))).on('error', (error) => resolve(error.message))
  })

test('the guide’s manifest is two sites behind one HTTPS address, backends are replaced without an error, and all of it goes', async ({ tenant }) => {
  test.slow()
  const { api, slug } = tenant
  const { certificate, key } = makeCertificate({ names: hosts })
  await api.secret.create.mutate({ tenant: slug, name: 'sites', type: 'kubernetes.io/tls', stringData: { 'tls.crt': certificate, 'tls.key': key } })
  const apply = async (yaml: string) => expect((await api['manifest.apply'].mutate({ tenant: slug, yaml })).results.flatMap((result) => result.problems)).toEqual([])
  await apply(manifest)
  const { status: { address } } = await api.floatingAddress.get.query({ tenant: slug, name: 'sites' })
  const site = (host: string) => ask({ address, host, ca: certificate })

  // Before a host answers for it, what is sent there would leave this machine.
  await expect.poll(async () => (await api.floatingAddress.get.query({ tenant: slug, name: 'sites' })).status.phase, { timeout: 60_000 }).toBe('Active')
  await test.step('each host leads to its service, and plain HTTP to HTTPS', async () => {
    await expect.poll(() => site('blog.example.com'), { timeout: 150_000 }).toBe('200 blog')
    await expect.poll(async () => [...new Set([await site('shop.example.com'), await site('shop.example.com')])].sort(), { timeout: 150_000 }).toEqual(['200 shop 1', '200 shop 2'])
    expect(await site('other.example.com')).toContain('other.example.com')
    expect(await askPlain(address, 'shop.example.com')).toBe('308 https://shop.example.com/')
  })

  await test.step('pods are replaced one by one under load without an error', async () => {
    const answers: string[] = []
    let asking = true
    const load = Promise.all(Array.from({ length: 4 }, async () => { while (asking) answers.push(await site('shop.example.com')) }))
    await apply(third)
    await expect.poll(() => answers.includes('200 shop 3'), { timeout: 120_000 }).toBe(true)
    for (const name of ['shop-1', 'shop-2']) await api.pod.delete.mutate({ tenant: slug, namespace: 'default', name, graceSeconds: 5 })
    await expect.poll(() => answers.slice(-20).every((answer) => answer === '200 shop 3'), { timeout: 60_000 }).toBe(true)
    asking = false
    await load
    expect(answers.filter((answer) => !/^200 shop [123]$/.test(answer))).toEqual([])
  })

  await test.step('all of it is deleted to nothing', async () => {
    await api.ingress.delete.mutate({ tenant: slug, name: 'sites' })
    await expect.poll(async () => (await api.loadBalancer.list.query({ tenant: slug })).total, { timeout: 30_000 }).toBe(0)
    await api.floatingAddress.delete.mutate({ tenant: slug, name: 'sites' })
    await expect.poll(async () => (await api.floatingAddress.list.query({ tenant: slug })).total, { timeout: 30_000 }).toBe(0)
  })
})
