import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { makeCertificate } from '@/platform/crypto/testing/certificates'
import { startTestServer } from '@/server/api/testing/server'
import { knownCertificates } from '@/server/store/certificates'

let server: Awaited<ReturnType<typeof startTestServer>>
let ann: Awaited<ReturnType<typeof server.signUp>>
let tenant = ''
beforeAll(async () => {
  server = await startTestServer()
  ann = await server.signUp('ann')
  tenant = ann.tenant.slug
})
afterAll(() => server.stop())

const apply = async (yaml: string) => (await ann.caller['manifest.apply']({ tenant, yaml })).results
const secret = (name: string, fields: string) => `apiVersion: v1\nkind: Secret\nmetadata: {name: ${name}}\n${fields}\n`
const base64 = (text: string) => Buffer.from(text).toString('base64')

describe('Secrets of type kubernetes.io/tls', () => {
  const tls = ({ certificate, key }: { certificate: string; key: string }) => ({ 'tls.crt': certificate, 'tls.key': key })
  const at = (path: string, message: string) => ({ cause: { code: 'invalid_input', problems: [{ path, message: expect.stringContaining(message) as string }] } })

  it('hold a certificate and its key, of which what is public is known', async () => {
    const [one, two] = [makeCertificate({ names: ['www.example.com', '*.shop.example.com'] }), makeCertificate({ names: ['new.example.com'] })]
    await ann.caller.secret.create({ tenant, name: 'web', type: 'kubernetes.io/tls', stringData: tls(one) })
    await ann.caller.secret.create({ tenant, name: 'plain', stringData: { a: 'b' } })
    const row = await server.db.secret.findFirstOrThrow({ where: { name: 'web' } })
    expect(row.certificate).toMatchObject({ subject: 'www.example.com', names: ['www.example.com', '*.shop.example.com'], key: 'EC P-256' })
    expect(await knownCertificates(server.db, ann.tenant.id, 'default', ['web', 'plain', 'missing'])).toEqual(new Map([
      ['plain', { id: expect.any(String) as string, names: [], problem: 'it is of type Opaque, and must be of type kubernetes.io/tls: create one under another name' }],
      ['web', { id: row.uid, names: ['www.example.com', '*.shop.example.com'], problem: null, warning: null }],
    ]))
    const later = new Date(Date.now() + 100 * 86_400_000)
    expect((await knownCertificates(server.db, ann.tenant.id, 'default', ['web'], later)).get('web')).toMatchObject({ problem: null, warning: expect.stringContaining('expired at') as string })
    expect(await knownCertificates(server.db, '0'.repeat(32), 'default', ['web'])).toEqual(new Map())

    await expect(ann.caller.secret.update({ tenant, name: 'web', stringData: { 'tls.crt': two.certificate }, keep: ['tls.key'] })).rejects.toMatchObject(at('data["tls.key"]', 'does not belong to the first certificate'))
    await ann.caller.secret.update({ tenant, name: 'web', stringData: tls(two) })
    expect((await knownCertificates(server.db, ann.tenant.id, 'default', ['web'])).get('web')).toEqual({ id: row.uid, names: ['new.example.com'], problem: null, warning: null })
  })

  it('are refused where the two do not fit, in the API and in a manifest, without a word of either', async () => {
    const [one, two] = [makeCertificate(), makeCertificate()]
    const wrong = { 'tls.crt': one.certificate, 'tls.key': two.key }
    const refused = await ann.caller.secret.create({ tenant, name: 'wrong', type: 'kubernetes.io/tls', stringData: wrong }).catch((error: unknown) => error)
    expect(refused).toMatchObject(at('data["tls.key"]', 'does not belong to'))
    const [result] = await apply(secret('wrong', `type: kubernetes.io/tls\ndata:\n  tls.crt: ${base64(one.certificate)}\n  tls.key: ${base64(two.key)}`))
    expect(result?.problems).toEqual([{ path: 'data["tls.key"]', line: 7, message: expect.stringContaining('does not belong to') as string }])
    const told = JSON.stringify([result, refused, (refused as Error).message])
    for (const line of two.key.split('\n').slice(1, 3)) expect(told).not.toContain(line)
    await expect(ann.caller.secret.create({ tenant, name: 'bytes', type: 'kubernetes.io/tls', data: { 'tls.crt': '/w==', 'tls.key': '/w==' } })).rejects.toMatchObject(at('data["tls.crt"]', 'must be PEM, which is text'))
    expect(await server.db.secret.count({ where: { name: { in: ['wrong', 'bytes'] } } })).toBe(0)
  })

  it('from before certificates were checked are checked when they are written again, and their labels change all the same', async () => {
    const pair = makeCertificate({ names: ['old.example.com'] })
    await ann.caller.secret.create({ tenant, name: 'old', type: 'kubernetes.io/tls', stringData: tls(pair) })
    await server.db.$executeRaw`update "Secret" set "certificate" = null where "name" = 'old'`
    const known = async () => (await knownCertificates(server.db, ann.tenant.id, 'default', ['old'])).get('old')
    expect((await known())?.problem).toContain('before certificates were checked')
    await ann.caller.secret.update({ tenant, name: 'old', stringData: tls(pair) })
    expect(await known()).toMatchObject({ names: ['old.example.com'], problem: null })
  })
})
