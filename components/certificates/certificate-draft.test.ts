import { describe, expect, it } from 'vitest'
import { certificateFieldOf, certificateProblem, certificateSchema, keyProblem, tlsValues } from './certificate-draft'

const pem = (what: string) => `-----BEGIN ${what}-----\nAAAA\n-----END ${what}-----`

describe('a certificate’s form', () => {
  it('says what is wrong with a text before it leaves the page', () => {
    expect([pem('CERTIFICATE'), `${pem('CERTIFICATE')}\n${pem('CERTIFICATE')}`].map(certificateProblem)).toEqual([null, null])
    expect(certificateProblem('')).toBe('is required')
    expect(certificateProblem(pem('PRIVATE KEY'))).toContain('other field')
    expect(certificateProblem(pem('CERTIFICATE REQUEST'))).toContain('authority')
    expect(certificateProblem('MIIB')).toContain('must be PEM')
    expect([pem('PRIVATE KEY'), pem('RSA PRIVATE KEY'), pem('EC PRIVATE KEY')].map(keyProblem)).toEqual([null, null, null])
    expect(keyProblem(pem('ENCRYPTED PRIVATE KEY'))).toContain('password')
    expect(keyProblem('-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n-----END RSA PRIVATE KEY-----')).toContain('password')
    expect(keyProblem(pem('PUBLIC KEY'))).toContain('private one')
    expect(keyProblem(pem('CERTIFICATE'))).toContain('must be PEM')
  })
  it('has each problem at its field, and a name where it is a new one', () => {
    const at = (named: boolean, name: string) => certificateSchema(named).safeParse({ name, certificate: '', key: '' }).error?.issues.map(({ path }) => path.join('.'))
    expect(at(true, 'Not a name')).toEqual(['name', 'certificate', 'key'])
    expect(at(false, '')).toEqual(['certificate', 'key'])
    expect(['data["tls.crt"]', 'stringData.tls.key', 'name'].map(certificateFieldOf)).toEqual(['certificate', 'key', 'name'])
    expect(tlsValues({ name: 'x', certificate: ' a ', key: 'b\n' })).toEqual({ 'tls.crt': 'a\n', 'tls.key': 'b\n' })
  })
})
