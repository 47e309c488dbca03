import { spawn } from 'node:child_process'
import { readdir } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { run } from '@/platform/exec'
import { openForTests } from '@/tools/testing/cleanup-after-all'
import { StorageNamespace } from './storage-namespace'
import { MAX_STORAGE_CONNECTIONS } from './storage-rules'
import { HOST, Lab, METADATA, OUTSIDE, UIDS, until } from './testing/lab'

/** Addresses of the outside: a store's, and one that is none. */
const other = '203.0.113.9'
const warnings: unknown[] = []
const log = { warn: (...said: unknown[]) => void warnings.push(said) }

let lab: Lab
let storage: StorageNamespace
/** What runs in the namespace, as a VM does. */
let inside: { stop: () => Promise<void> } | undefined
const servers: { stop: () => Promise<void> }[] = []

openForTests(async (cleanup) => {
  lab = await cleanup.open('the lab', Lab.create(), (one) => one.destroy())
  storage = make()
  cleanup.add('the namespace of storage', () => storage.remove())
  cleanup.add('the servers', () => Promise.all(servers.splice(0).map((server) => server.stop())))
  await lab.ip(lab.outside, [`address add ${other}/24 dev eth0`])
  for (const port of [6800, 3300, 8080]) await serve(lab.outside, port)
  await serve(lab.host, 6801)
})

const make = () => new StorageNamespace({ hostTag: lab.hostTag, uids: UIDS, uplinkNetns: lab.host, log })

async function serve(namespace: string, port: number, as: string[] = []): Promise<{ stop: () => Promise<void> }> {
  const child = spawn('nsenter', [`--net=/run/netns/${namespace}`, ...as, 'socat', `TCP4-LISTEN:${port},reuseaddr,fork`, 'EXEC:echo hello'], { stdio: 'ignore' })
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()))
  const server = { stop: () => (child.kill('SIGKILL'), ended) }
  servers.push(server)
  await until(async () => (await lab.in(namespace, 'ss', '-Hltn', `sport = :${port}`)).stdout !== '')
  return server
}

const asUser = (uid: number) => ['setpriv', '--reuid', String(uid), '--regid', String(uid), '--clear-groups']

/** Whether a user in the namespace of storage is answered. */
async function reaches(address: string, port: number, uid = UIDS.first): Promise<boolean> {
  const [command = '', ...args] = asUser(uid)
  const { stdout } = await lab.in(storage.name, command, ...args, 'socat', '-T', '10', '-u', `TCP4:${address}:${port},connect-timeout=1`, '-').catch(() => ({ stdout: '' }))
  return stdout.trim() === 'hello'
}

test('a VM’s user reaches the stores’ daemons on their ports, and nobody and nothing else', async () => {
  await storage.reach([`${OUTSIDE}/32`, `${HOST}/32`, '2001:db8::/64'])
  expect(JSON.stringify(warnings)).toContain('IPv4 alone')
  await until(() => reaches(OUTSIDE, 6800))
  // A daemon of this very host too.
  for (const [to, port] of [[OUTSIDE, 3300], [HOST, 6801]] as const) await until(() => reaches(to, port))
  // Another port, another address, the machine's metadata, another user, root.
  inside = await serve(storage.name, 6802, asUser(UIDS.first + 1))
  const address = (await lab.in(storage.name, 'ip', '-o', '-4', 'address', 'show', 'dev', 'up')).stdout.match(/inet ([\d.]+)/)?.[1] ?? ''
  const refused = [[OUTSIDE, 8080], [HOST, 8080], [other, 6800], [METADATA, 6800], [OUTSIDE, 6800, UIDS.last + 1], [OUTSIDE, 6800, 0], [address, 6802], ['127.0.0.1', 6802]] as const
  expect(await Promise.all(refused.map(([to, port, uid]) => reaches(to, port, uid)))).toEqual(refused.map(() => false))
  // No datagram leaves, and nobody outside reaches who listens there.
  const datagrams = await lab.count(lab.outside, 'meta l4proto { udp, icmp }')
  await lab.in(storage.name, 'setpriv', '--reuid', String(UIDS.first), '--regid', String(UIDS.first), '--clear-groups', 'sh', '-c', `echo x | socat -u - UDP4:${OUTSIDE}:6800; true`)
  expect(await datagrams()).toBe(0)
  await lab.ip(lab.outside, [`route add ${address}/32 via ${HOST}`])
  for (const from of [lab.outside, lab.host]) expect((await lab.in(from, 'socat', '-T', '1', '-u', `TCP4:${address}:6802,connect-timeout=1`, '-').catch(() => ({ stdout: '' }))).stdout).toBe('')
})

test('another agent finds it, makes right what others broke, and changes what is reached at once; nothing is left of it', async () => {
  await storage.reach([`${OUTSIDE}/32`])
  await inside?.stop()
  inside = await serve(storage.name, 6802, asUser(UIDS.first + 1))
  await until(() => reaches(OUTSIDE, 6800))
  await lab.ip(lab.host, [`link delete hyps${lab.hostTag}-up`])
  await lab.in(storage.name, 'nft', 'flush', 'ruleset')
  storage = make()
  await storage.reach([`${OUTSIDE}/32`])
  await until(() => reaches(OUTSIDE, 6800))
  expect(await reaches(OUTSIDE, 8080)).toBe(false)
  await storage.reach([`${other}/32`])
  await until(() => reaches(other, 6800))
  expect(await reaches(OUTSIDE, 6800)).toBe(false)
  // One that the server has told nothing yet leaves what VMs have.
  await make().reach([])
  await until(() => reaches(other, 6800))
  await storage.reach([])
  expect(await reaches(other, 6800)).toBe(false)
  await expect(storage.enter()).rejects.toThrow('no store of volumes on the network')
  // The last VM has ended.
  await inside.stop()
  await make().reach([])
  const { links, routes, tables } = await lab.traces()
  expect([(await readdir('/run/netns')).includes(storage.name), links.filter((name) => name.startsWith('hyps')), routes.filter((route) => route.includes('unreachable')), tables.filter((table) => table.includes('storage'))]).toEqual([false, [], [], []])
  await storage.remove()
  await run('ip', ['netns', 'add', storage.name])
  await storage.reach([`${OUTSIDE}/32`])
  await until(() => reaches(OUTSIDE, 6800))
  // Whoever starts a VM finds it as it should be.
  await lab.ip(lab.host, [`link delete hyps${lab.hostTag}-up`])
  expect(await storage.enter()).toBe(storage.name)
  await until(() => reaches(OUTSIDE, 6800))
})

test('the way that VMs have is never away while what is reached changes', async () => {
  await storage.reach([`${OUTSIDE}/32`, '198.51.100.0/25'])
  const changes: string[] = []
  const monitor = spawn('ip', ['-n', storage.name, 'monitor', 'route'], { stdio: ['ignore', 'pipe', 'pipe'] })
  for (const output of [monitor.stdout, monitor.stderr]) output.on('data', (chunk: Buffer) => changes.push(chunk.toString()))
  const ended = new Promise<void>((resolve) => monitor.once('close', () => resolve()))
  try {
    // Something that it says for certain, before and after: each time another one, for of the same one again the kernel tells nobody.
    let mtu = 1280
    const seen = async (n: number) => {
      await until(async () => {
        await lab.in(storage.name, 'ip', 'route', 'replace', `192.0.2.${n}/32`, 'dev', 'up', 'mtu', String(mtu += 1))
        if (monitor.exitCode !== null) throw new Error(`ip monitor ended: ${changes.join('')}`)
        return changes.join('').includes(`192.0.2.${n} `)
      })
    }
    await seen(1)
    await storage.reach([`${OUTSIDE}/32`, '198.51.100.128/25'])
    await seen(2)
  } finally {
    monitor.kill('SIGKILL')
    await ended
  }
  const deleted = changes.join('').split('\n').filter((line) => line.startsWith('Deleted'))
  expect(deleted.map((line) => line.split(' ')[1])).toEqual(['198.51.100.0/25'])
})

test('one VM does not take all connections from the others', async () => {
  await storage.reach([`${OUTSIDE}/32`])
  await until(() => reaches(OUTSIDE, 6800))
  await lab.in(lab.outside, 'sysctl', '-q', '-w', 'net.core.somaxconn=4096')
  // A server that accepts nobody: the kernel answers for it.
  const server = spawn('nsenter', [`--net=/run/netns/${lab.outside}`, 'perl', '-e', 'use Socket; socket(my $s, AF_INET, SOCK_STREAM, 0); bind($s, pack_sockaddr_in(6900, INADDR_ANY)) or die; listen($s, 4000); sleep 300'], { stdio: 'ignore' })
  servers.push({ stop: () => new Promise((resolve) => (server.once('close', () => resolve()), server.kill('SIGKILL'))) })
  await until(async () => (await lab.in(lab.outside, 'ss', '-Hltn', 'sport = :6900')).stdout !== '')
  const greedy = 'use Socket; my (@all, $asked); for (1 .. 1200) { socket(my $s, AF_INET, SOCK_STREAM | 2048, 0) or last; connect($s, pack_sockaddr_in(6900, inet_aton($ARGV[0]))); push @all, $s; $asked++ } sleep 2; my $open = grep { getpeername $_ } @all; print "$asked $open\\n"'
  const ulimit = ['sh', '-c', 'ulimit -n 4096; exec "$@"', 'sh']
  const [command = '', ...args] = [...asUser(UIDS.first), ...ulimit]
  const [asked, open] = (await lab.in(storage.name, command, ...args, 'perl', '-e', greedy, OUTSIDE)).stdout.split(' ').map(Number)
  expect(asked).toBe(1200)
  expect(open).toBeGreaterThan(0)
  expect(open).toBeLessThanOrEqual(MAX_STORAGE_CONNECTIONS)
  await until(() => reaches(OUTSIDE, 6800, UIDS.first + 1))
})
