import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { defaultPullPolicy, formatReference, parseReference } from './reference'

const hex = 'a'.repeat(64)
const full = (text: string, registry?: string): string => {
  const parsed = parseReference(text, registry)
  return parsed.ok ? formatReference(parsed.value) : `refused: ${parsed.message}`
}

describe('parseReference', () => {
  it.each([
    ['nginx', 'docker.io/library/nginx:latest'],
    ['nginx:1.27', 'docker.io/library/nginx:1.27'],
    ['index.docker.io/nginx', 'docker.io/library/nginx:latest'],
    ['docker.io/nginx', 'docker.io/library/nginx:latest'],
    ['bitnami/redis:7', 'docker.io/bitnami/redis:7'],
    ['localhost/web', 'localhost/web:latest'],
    ['localhost:5000/web', 'localhost:5000/web:latest'],
    ['127.0.0.1:5000/a/b/c:v1', '127.0.0.1:5000/a/b/c:v1'],
    ['[::1]:5000/a:v1', '[::1]:5000/a:v1'],
    ['Registry/a', 'Registry/a:latest'],
    ['ghcr.io/o/r@sha256:' + hex, 'ghcr.io/o/r@sha256:' + hex],
    ['ghcr.io/o/r:v1@sha256:' + hex, 'ghcr.io/o/r:v1@sha256:' + hex],
    ['a__b/c--d/e.f_g:T.1-x_y', 'docker.io/a__b/c--d/e.f_g:T.1-x_y'],
  ])('%s is %s', (text, expected) => expect(full(text)).toBe(expected))

  it('gives library/ on docker.io only', () => {
    expect(full('nginx', '127.0.0.1:5000')).toBe('127.0.0.1:5000/nginx:latest')
  })

  it.each([
    ['', 'missing'],
    ['a b', 'blanks'],
    ['https://ghcr.io/a', 'scheme'],
    [hex, 'image id'],
    ['Nginx', 'lower case'],
    ['ghcr.io/A/b', 'lower case'],
    ['ghcr.io/', 'missing'],
    ['ghcr.io//a', 'empty part'],
    ['a/../b', '".."'],
    ['a:', 'tag ""'],
    ['a:-x', 'tag "-x"'],
    ['a:' + 'x'.repeat(129), '1 to 128'],
    ['a@sha256:abc', '64 lower-case'],
    ['a@md5:' + hex, 'must begin with'],
    ['a@sha256:' + hex + ':x', '64 lower-case'],
    ['-bad.example/a', 'not the name of a registry'],
    ['h:999999/a', 'not the name of a registry'],
    ['a/' + 'b'.repeat(260), 'longer than 255'],
    ['a___b', 'letters, digits'],
  ])('refuses %j', (text, expected) => expect(full(text)).toContain(expected))

  it('never throws and its result parses to itself', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[a-zA-Z0-9./:@_-]{0,40}$/)), (text) => {
        const parsed = parseReference(text)
        if (parsed.ok) expect(parseReference(formatReference(parsed.value))).toEqual(parsed)
      }),
      { numRuns: 500 },
    )
  })
})

describe('defaultPullPolicy', () => {
  it.each([
    ['a', 'Always'],
    ['a:latest', 'Always'],
    ['a:1', 'IfNotPresent'],
    ['a:latest@sha256:' + hex, 'IfNotPresent'],
  ])('of %s is %s', (text, expected) => {
    const parsed = parseReference(text)
    expect(parsed.ok && defaultPullPolicy(parsed.value)).toBe(expected)
  })
})
