import { randomBytes } from 'node:crypto'
import { stat } from 'node:fs/promises'
import { afterEach, expect, test } from 'vitest'
import { run } from '@/platform/exec'
import { NetworkNamespaceKernel } from './kernel'
import { makeNamespace } from './new-namespace'
import { whatIs } from './network-namespace'

const name = `hyt-${randomBytes(3).toString('hex')}-new`
const tap = { name: 'tap-first', owner: 700_001 }
const links = () => new NetworkNamespaceKernel(name, run).links()
const inside = async (...command: string[]) => (await run('nsenter', [`--net=/run/netns/${name}`, ...command])).stdout.trim()

afterEach(async () => {
  if ((await whatIs(name)) !== 'nothing') await run('ip', ['netns', 'delete', name])
})

test('a namespace is there with its settings before its tap, which its owner may open', async () => {
  await makeNamespace(run, name, { 'net.ipv4.conf.default.proxy_arp': 1, 'net.ipv4.ip_forward': 1 }, tap)
  expect(await whatIs(name)).toBe('namespace')
  expect(await inside('sysctl', '-n', 'net.ipv4.ip_forward', 'net.ipv4.conf.tap-first.proxy_arp')).toBe('1\n1')
  expect((await links()).map(({ ifname, linkinfo }) => [ifname, linkinfo?.info_data])).toEqual([['lo', undefined], ['tap-first', { type: 'tap', user: 700_001, vnet_hdr: true }]])
  // Nothing of it is in the namespace of this process.
  expect((await run('ip', ['-o', 'link'])).stdout).not.toContain(tap.name)
})

test('a name that is there is refused and left as it is, and what cannot be set leaves nothing', async () => {
  await makeNamespace(run, name, {}, null)
  const { ino } = await stat(`/run/netns/${name}`)
  await expect(makeNamespace(run, name, {}, tap)).rejects.toThrow(`network namespace ${name}: File exists`)
  expect((await stat(`/run/netns/${name}`)).ino).toBe(ino)
  expect((await links()).map(({ ifname }) => ifname)).toEqual(['lo'])
  await run('ip', ['netns', 'delete', name])
  await expect(makeNamespace(run, name, { 'net.ipv4.no_such_setting': 1 }, tap)).rejects.toThrow('net/ipv4/no_such_setting=1: ')
  expect(await whatIs(name)).toBe('nothing')
})
