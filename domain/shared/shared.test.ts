import { describe, expect, it } from 'vitest'
import { matchesSelector, parseLabelSelector } from './label-selector'
import { annotations, dnsLabel, isQualifiedName, labels } from './names'
import { formatBytes, parseBytes, parseMilliCpu } from './quantity'

describe('quantities', () => {
  it.each([['128Mi', 134217728], ['1Gi', 1073741824], ['1k', 1000], ['1e3', 1000], ['.5Ki', 512], ['0', 0], ['1E', 1e18]] as const)('%s bytes', (text, bytes) => {
    expect(parseBytes(text)).toBe(bytes > Number.MAX_SAFE_INTEGER ? null : bytes)
  })
  it.each([['250m', 250], ['0.1', 100], ['2', 2000], ['1n', 1]] as const)('%s CPU', (text, milli) => expect(parseMilliCpu(text)).toBe(milli))
  it.each(['', 'x', '1KiB', '-1', '1 Gi', '0x10', '١'])('refuses %j', (text) => expect(parseBytes(text)).toBeNull())
  it('formats', () => expect([0, 1536, 134217728].map(formatBytes)).toEqual(['0 B', '1.5 KiB', '128 MiB']))
  it.each([[999, '999 B'], [1023, '1,023 B'], [1024, '1 KiB'], [1.04 * 1024, '1 KiB'], [12.34 * 2 ** 30, '12.3 GiB'], [99.96 * 2 ** 20, '100 MiB'], [999.4 * 2 ** 30, '999 GiB'], [1000 * 2 ** 30, '1,000 GiB'], [1023.7 * 2 ** 20, '1 GiB'], [2048 * 2 ** 50, '2,048 PiB']] as const)('%d bytes are %s', (bytes, text) => expect(formatBytes(bytes)).toBe(text))
})

describe('names', () => {
  it('accepts and refuses labels', () => {
    expect(dnsLabel.safeParse('web-1').success).toBe(true)
    for (const bad of ['', 'Web', '-a', 'a-', 'a.b', 'a'.repeat(64)]) expect(dnsLabel.safeParse(bad).success).toBe(false)
  })
  it('knows qualified names', () => {
    expect(['app', 'example.com/app', 'A_b.c'].every(isQualifiedName)).toBe(true)
    expect(['', '/a', 'a/', 'a/b/c', 'Ex.com/a'].some(isQualifiedName)).toBe(false)
  })
  it('bounds labels and annotations', () => {
    expect(labels.safeParse({ a: 'x'.repeat(64) }).success).toBe(false)
    expect(annotations.safeParse({ a: 'x'.repeat(300_000) }).success).toBe(false)
  })
})

describe('label selectors', () => {
  const select = (text: string, of: Record<string, string>) => matchesSelector(parseLabelSelector(text) ?? [], of)
  it('follow Kubernetes', () => {
    expect(select('app=web,tier!=db', { app: 'web' })).toBe(true)
    expect(select('app in (a, b),!x', { app: 'b' })).toBe(true)
    expect(select('app notin (a)', {})).toBe(true)
    expect(select('app', {})).toBe(false)
  })
  it('refuse what is none', () => expect(['a=b=c', 'a in b', '!', 'a in (b'].map((text) => parseLabelSelector(text))).toEqual([null, null, null, null]))
})
