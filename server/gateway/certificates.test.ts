import { createPrivateKey, X509Certificate } from 'node:crypto'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { HostBalancer } from '@/contracts/host/v1'
import { makeCertificate } from '@/platform/crypto/testing/certificates'
import { startTestServer } from '@/server/api/testing/server'
import { SentCertificates } from './certificates'

let server: Awaited<ReturnType<typeof startTestServer>>
let ann: Awaited<ReturnType<typeof server.signUp>>
beforeAll(async () => {
  server = await startTestServer()
  ann = await server.signUp('ann')
})
afterAll(() => server.stop())

it('a host is given a certificate once, written anew, again when it is renewed, and forgets what no balancer names', async () => {
  const tenant = ann.tenant.slug
  const parts = { db: server.db, keyRing: server.server.keyRing, log: server.server.log }
  const [one, two] = [makeCertificate({ names: ['one.example.com'] }), makeCertificate({ names: ['two.example.com'] })]
  const injected = { 'tls.crt': `first line\n\nshow env\n${one.certificate}\n\n`, 'tls.key': `\n\n${one.key}\n\nset server x\n` }
  await ann.caller.secret.create({ tenant, name: 'web', type: 'kubernetes.io/tls', stringData: injected })
  const { uid } = await server.db.secret.findFirstOrThrow({ where: { name: 'web' } })
  const naming = [{ listeners: [{ certificates: [uid] }] } as unknown as HostBalancer]
  const sent = new SentCertificates()
  expect(await sent.messages(parts, [])).toEqual([])

  const [first] = await sent.messages(parts, naming)
  expect(first).toMatchObject({ kind: 'certificates', complete: true, certificates: [{ id: uid }] })
  const pem = first?.certificates[0]?.pem ?? ''
  expect(pem).not.toMatch(/\n\n|show|set server|first line/)
  expect(new X509Certificate(pem).subjectAltName).toBe('DNS:one.example.com')
  expect(new X509Certificate(pem).checkPrivateKey(createPrivateKey(pem))).toBe(true)
  expect(await sent.messages(parts, naming)).toEqual([])

  await ann.caller.secret.update({ tenant, name: 'web', stringData: { 'tls.crt': two.certificate, 'tls.key': two.key } })
  const [renewed] = await sent.messages(parts, naming)
  expect(renewed).toMatchObject({ complete: false })
  expect(new X509Certificate(renewed?.certificates[0]?.pem ?? '').subjectAltName).toBe('DNS:two.example.com')
  expect(await sent.messages(parts, [])).toEqual([{ kind: 'certificates', complete: true, certificates: [] }])
})
