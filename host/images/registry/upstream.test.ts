import { describe, expect, it } from 'vitest'
import { upstreamFor } from './upstream'

const env = (more: Record<string, string>): NodeJS.ProcessEnv => ({ NODE_ENV: 'test', ...more })

describe('the operator’s proxy', () => {
  it('is that of the scheme, in upper or lower case, with its login', () => {
    const set = env({ HTTPS_PROXY: 'http://ann:s%40cret@proxy.lan:3128', http_proxy: 'other.lan' })
    expect(upstreamFor('https', 'r.example', 443, set)).toEqual({ host: 'proxy.lan', port: 3128, tls: false, authorization: `Basic ${Buffer.from('ann:s@cret').toString('base64')}` })
    expect(upstreamFor('http', 'r.example', 80, set)).toEqual({ host: 'other.lan', port: 80, tls: false, authorization: null })
    expect(upstreamFor('https', 'r.example', 443, env({ HTTPS_PROXY: 'https://[fd00::1]' }))).toEqual({ host: 'fd00::1', port: 443, tls: true, authorization: null })
    expect(upstreamFor('https', 'r.example', 443, env({ HTTPS_PROXY: '' }))).toBeNull()
    expect(() => upstreamFor('https', 'r.example', 443, env({ HTTPS_PROXY: 'socks5://p:1' }))).toThrow('HTTPS_PROXY of the host agent is no http:// or https:// address')
  })

  it.each<[string, string, number, boolean]>([
    ['*', 'r.example', 443, true],
    ['example', 'r.example', 443, true],
    ['r.example', 'r.example', 443, true],
    ['R.Example.', 'r.example', 443, false],
    ['.example', 'example', 443, false],
    ['.example', 'r.example', 443, true],
    ['*.example', 'r.example', 443, true],
    ['ample', 'r.example', 443, false],
    ['r.example:5000', 'r.example', 443, false],
    ['r.example:5000', 'r.example', 5000, true],
    ['10.0.0.0/8', '10.1.2.3', 443, true],
    ['10.0.0.0/8', '11.1.2.3', 443, false],
    ['10.0.0.0/8', 'fd00::1', 443, false],
    ['10.0.0.0/99', '10.1.2.3', 443, false],
    ['10.1.2.3', '10.1.2.3', 443, true],
    ['10.1.2.3:80', '10.1.2.3', 443, false],
    ['fd00::/8', 'fd12::1', 443, true],
    ['fd00::1', 'fd00::1', 443, true],
    ['[fd00::1]:443', 'fd00::1', 443, true],
    ['[fd00::1]:443', 'fd00::1', 80, false],
    [' a.example , ,r.example ', 'r.example', 443, true],
    ['', 'r.example', 443, false],
  ])('NO_PROXY "%s" for %s:%i: %s', (list, host, port, isExempt) => {
    expect(upstreamFor('https', host, port, env({ HTTPS_PROXY: 'http://p:1', NO_PROXY: list })) === null).toBe(isExempt)
  })
})
