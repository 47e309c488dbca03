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
