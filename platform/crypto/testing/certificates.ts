import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export type TestCertificate = { certificate: string; key: string }
type Asked = { names?: string[]; subject?: string; days?: number; newkey?: string[]; digest?: string; issuer?: TestCertificate; ca?: boolean }

/** A certificate and its key by openssl, signed by `issuer` or by itself. */
export function makeCertificate({ names = ['www.example.com'], subject = names[0] ?? 'none', days = 90, newkey = ['ec', '-pkeyopt', 'ec_paramgen_curve:P-256'], digest = 'sha256', issuer, ca = false }: Asked = {}): TestCertificate {
  const folder = mkdtempSync(join(tmpdir(), 'hypernetes-certificate-'))
  const file = (name: string) => join(folder, name)
  const run = (...args: string[]) => execFileSync('openssl', args, { stdio: 'pipe' })
  try {
    run('req', '-new', '-nodes', '-newkey', ...newkey, '-subj', `/CN=${subject}`, '-keyout', file('key'), '-out', file('csr'))
    const san = names.map((name) => `${/^[\d.]+$|:/.test(name) ? 'IP' : 'DNS'}:${name}`).join(',')
    writeFileSync(file('ext'), `basicConstraints=critical,CA:${ca ? 'TRUE' : 'FALSE'}\n${san ? `subjectAltName=${san}\n` : ''}`)
    if (issuer) for (const [name, text] of [['ca', issuer.certificate], ['ca-key', issuer.key]] as const) writeFileSync(file(name), text)
    const by = issuer ? ['-CA', file('ca'), '-CAkey', file('ca-key')] : ['-signkey', file('key')]
    run('x509', '-req', '-in', file('csr'), ...by, `-${digest}`, '-days', String(days), '-set_serial', '1', '-extfile', file('ext'), '-out', file('crt'))
    return { certificate: readFileSync(file('crt'), 'utf8'), key: readFileSync(file('key'), 'utf8') }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
