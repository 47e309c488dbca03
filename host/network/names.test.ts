import { describe, expect, it } from 'vitest'
import { checkAttachment, type Attachment } from './attachment'
import { checkHostTag, gatewayMac, MAX_NETWORK_NUMBER, namespaceName, networkNumberOf, standInPeerName, tapName, uplinkName } from './names'
import { freeTransitBlock, transitAddress, transitBlocks } from './transit-pool'
import { parseCidr } from '@/domain/shared/cidr'

describe('names', () => {
  it('of links fit 15 characters', () => {
    for (const name of [uplinkName('abcdef', MAX_NETWORK_NUMBER), tapName('x'), standInPeerName('x')]) expect(name.length).toBeLessThanOrEqual(15)
  })

  it('of namespaces give the number back, to their own tag only', () => {
    expect(networkNumberOf('ab', namespaceName('ab', 42))).toBe(42)
    for (const name of ['hyp-abc-n42', 'hyp-ab-n0', 'hyp-ab-n042', 'hyp-ab-n16777216', 'hyp-ab-nx', 'hyp-ab-n']) expect(networkNumberOf('ab', name)).toBe(null)
  })

  it.each(['', 'A', 'a-b', 'abcdefg', 'a b', 'a\n'])('a host tag is not %j', (tag) => {
    expect(() => checkHostTag(tag)).toThrow(TypeError)
  })

  it('the gateway has one locally administered address a network', () => {
    expect(gatewayMac(1)).toBe('06:68:00:00:00:01')
    expect(gatewayMac(MAX_NETWORK_NUMBER)).toBe('06:68:00:ff:ff:ff')
  })
})

describe('transit addresses', () => {
  it('come from a block that a tag always finds again, and from the next when that is in use', () => {
    const blocks = transitBlocks('100.64.0.0/10', 'ab12')
    expect(new Set(blocks.map((block) => block.network)).size).toBe(1024)
    expect(transitBlocks('100.64.0.0/10', 'ab12')).toEqual(blocks)
    expect(transitBlocks('100.64.0.0/10', 'ab13')).not.toEqual(blocks)
    expect(freeTransitBlock(blocks, [])).toEqual(blocks[0])
    expect(freeTransitBlock(blocks, blocks.slice(0, 1))).toEqual(blocks[1])
    expect(() => freeTransitBlock(blocks, [parseCidr('100.0.0.0/8')])).toThrow('no transit addresses')
    expect(transitBlocks('192.0.2.0/24', 'ab12')).toEqual([parseCidr('192.0.2.0/24')])
  })

  it('stay, follow the number, or step aside', () => {
    const block = parseCidr('100.64.0.0/30')
    expect(transitAddress(block, 6, null, new Set())).toBe('100.64.0.2')
    expect(transitAddress(block, 6, '100.64.0.3', new Set())).toBe('100.64.0.3')
    expect(transitAddress(block, 6, '100.65.0.3', new Set(['100.64.0.2', '100.64.0.3']))).toBe('100.64.0.0')
    expect(() => transitAddress(block, 6, null, new Set(['100.64.0.0', '100.64.0.1', '100.64.0.2', '100.64.0.3']))).toThrow('all 4')
  })
})

describe('attachments', () => {
  const good: Attachment = {
    network: { id: 'n', number: 1, cidr: '10.0.0.0/24', gateway: '10.0.0.1', outbound: 'nat' },
    pod: { uid: 'p', address: '10.0.0.5', prefixLength: 24, mac: '02:00:00:00:00:05', runAsUid: 700_000 },
  }
  const check = (fields: { network?: Partial<Attachment['network']>; pod?: Partial<Attachment['pod']> }) =>
    () => checkAttachment({ network: { ...good.network, ...fields.network }, pod: { ...good.pod, ...fields.pod } }, { first: 700_000, last: 700_009 })

  it('pass when right', () => {
    expect(check({})).not.toThrow()
  })

  it.each([
    [{ network: { number: 0 } }], [{ network: { number: 1.5 } }], [{ network: { number: MAX_NETWORK_NUMBER + 1 } }],
    [{ network: { cidr: '10.0.0.1/24' } }], [{ network: { cidr: '10.0.0.0/24\nlink delete lo' } }], [{ network: { gateway: '10.0.1.1' } }],
    [{ network: { gateway: '10.0.0.255' } }], [{ network: { cidr: '169.254.0.0/24', gateway: '169.254.0.1' } }],
    [{ network: { cidr: '127.0.0.0/24', gateway: '127.0.0.1' } }], [{ network: { cidr: '0.0.0.0/0' } }],
    [{ pod: { address: '10.0.0.1' } }], [{ pod: { address: '10.0.0.0' } }], [{ pod: { address: '10.0.1.5' } }], [{ pod: { prefixLength: 16 } }],
    [{ pod: { mac: '02:00:00:00:00:05\n' } }], [{ pod: { mac: '02-00-00-00-00-05' } }], [{ pod: { mac: '03:00:00:00:00:05' } }],
    [{ pod: { mac: gatewayMac(1) } }], [{ pod: { runAsUid: 0 } }], [{ pod: { runAsUid: 700_010 } }], [{ pod: { uid: '' } }],
  ])('are refused: %j', (fields) => {
    expect(check(fields)).toThrow(TypeError)
  })
})
