import { describe, expect, it } from 'vitest'
import { ExecError } from '@/platform/exec'
import { explained } from './explain'
import { Forbidden } from './reach'

const reference = { registry: 'registry.lan:5000', repository: 'app', tag: '1', digest: null }
const quiet = { refused: null, notes: '', touchedPrivate: false, listeners: [] }
const failed = (stderr: string, more: Partial<Parameters<typeof explained>[3] & object> = {}, signal: string | null = null) => explained(new ExecError('bwrap', signal ? null : 1, signal, stderr, 'failed'), reference, undefined, { ...quiet, ...more })

describe('what a tenant is told', () => {
  const ports: [string, string, string, string | null][] = [
    ['closed', 'time="…" level=fatal msg="proxyconnect: connection refused"', 'connection refused', null],
    ['silent', '', 'timeout', 'SIGKILL'],
    ['a web server', 'http: server gave HTTP response to HTTPS client', '', null],
    ['another program', 'Get "https://registry.lan:5000/v2/": EOF', '', null],
    ['of another authority', 'x509: certificate signed by unknown authority', '', null],
    ['out of order', 'received unexpected HTTP status: 500 Internal Server Error', '', null],
  ]
  it('of a private network is one text for every port, and of other places what helps', () => {
    const told = ports.map(([, stderr, notes, signal]) => failed(stderr, { notes, touchedPrivate: true }, signal))
    expect(new Set(told.map(({ code, message, action }) => `${code} ${message} ${action}`)).size).toBe(1)
    expect(told[0]).toMatchObject({ code: 'unreachable', message: expect.stringContaining('private network'), detail: expect.stringContaining('connection refused') })
    expect(new Set(ports.map(([, stderr, notes, signal]) => failed(stderr, { notes }, signal).message)).size).toBe(ports.length)
    // Answers of a registry are told as they are.
    expect(failed('manifest unknown', { touchedPrivate: true }).code).toBe('not-found')
  })

  it('of a forbidden place names the place and the setting, and nothing of what listens there', () => {
    const refused = failed('connection refused', { refused: new Forbidden('169.254.169.254:80', 'forbidden') })
    expect(refused).toMatchObject({ code: 'refused', message: expect.stringContaining('sends the puller to "169.254.169.254:80"'), action: expect.stringContaining('HYPERNETES_INSECURE_REGISTRIES') })
    expect(failed('dial tcp 127.0.0.1:22: connect: connection refused')).toMatchObject({ code: 'refused', message: expect.stringContaining('127.0.0.1:22') })
    expect(failed('dial tcp 127.0.0.1:5000: connection refused', { listeners: [{ address: '127.0.0.1', port: 5000, socket: '' }] }).code).toBe('unreachable')
    expect(failed('', { refused: new Forbidden('10.0.0.1:80', 'private') })).toMatchObject({ code: 'refused', action: expect.stringContaining('HYPERNETES_PRIVATE_REGISTRIES') })
  })

  it('of a jail that cannot be made is the host’s fault, with its words for the operator alone', () => {
    for (const stderr of ['bwrap: No permissions to create new namespace', 'jail: 127.0.0.1:80: Permission denied', 'setpriv: setresuid failed']) {
      const error = failed(stderr)
      expect([error.code, error.detail]).toEqual(['internal', stderr])
      expect(error.message).not.toContain(stderr)
    }
  })
})
