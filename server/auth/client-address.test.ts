import type { IncomingMessage } from 'node:http'
import { expect, it } from 'vitest'
import { loadConfig } from '@/platform/config'
import { addressOfClient } from './client-address'

const behind = (HYPERNETES_TRUSTED_PROXIES: string) => loadConfig({ NODE_ENV: 'test', HYPERNETES_TRUSTED_PROXIES }).trustedProxies
const request = (remoteAddress: string, forwarded?: string) => ({ headers: forwarded === undefined ? {} : { 'x-forwarded-for': forwarded }, socket: { remoteAddress } as IncomingMessage['socket'] })

it.each([
  ['nobody is trusted', '', '192.0.2.1', '203.0.113.9', '192.0.2.1'],
  ['the peer is not', '10.0.0.1', '192.0.2.1', '203.0.113.9', '192.0.2.1'],
  ['the peer is', '10.0.0.1', '10.0.0.1', '203.0.113.9', '203.0.113.9'],
  ['the peer is, over IPv6', '10.0.0.1', '::ffff:10.0.0.1', '203.0.113.9', '203.0.113.9'],
  ['the client wrote more than the proxy', '10.0.0.1', '10.0.0.1', '198.51.100.1, 203.0.113.9', '203.0.113.9'],
  ['there are two proxies', '10.0.0.0/8', '10.0.0.1', '198.51.100.1, 203.0.113.9, 10.0.0.2', '203.0.113.9'],
  ['the client names itself a proxy', '10.0.0.0/8', '10.0.0.1', '10.0.0.7', '10.0.0.7'],
  ['the proxy says nothing', '10.0.0.1', '10.0.0.1', undefined, '10.0.0.1'],
  ['the proxy says no address', '10.0.0.1', '10.0.0.1', '203.0.113.9, unknown', '10.0.0.1'],
])('where %s', (_, trusted, peer, forwarded, expected) => expect(addressOfClient(request(peer, forwarded), behind(trusted))).toBe(expected))
