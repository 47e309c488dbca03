import { mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { createServer, type AddressInfo, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { memoryLimitHit, removeGroup } from '@/host/cgroups/group-files'
import { gatewayMac, tapName } from '@/host/network/names'
import { HOST, Lab, METADATA, network, OUTSIDE, pod } from '@/host/network/testing/lab'
import type { HostNetwork } from '@/host/network/host-network'
import { jailUid } from '@/host/images/jail/jail'
import { run } from '@/platform/exec'
import { openForTests } from '@/tools/testing/cleanup-after-all'
import { launchQemu, type Launched } from './launch'
import { descriptors } from './machine'
import { OpenFiles } from './open-files'
import { isRunning } from './process-identity'
import { prepareFolder, qmpSocket, sealFolder, stderrFile, vmFolder } from './start-qemu'
import { startVm, type StartedVm } from './start-vm'
import { TemplateStore } from './templates/template-store'
import { attemptsIn, escapeScript } from './testing/escape-script'
import { servicePlaces } from './testing/service-places'
import { TestHypervisor } from './testing/test-hypervisor'

const MiB = 2 ** 20
const limits = { memoryBytes: 64 * MiB, processes: 40, cpus: 2, weight: 1 }
const addresses = { own: '10.0.0.5', neighbour: '10.0.0.6', other: '10.0.0.9', gateway: '10.0.0.1' }

let host: TestHypervisor
let lab: Lab
let networks: HostNetwork
let neighbour: StartedVm
/** The agent, at a name and at the loopback of the host, where PostgreSQL listens too. */
let agent: Server
let loopback: Server
let services: Awaited<ReturnType<typeof servicePlaces>>
const abstract = `hypernetes-escape-${process.pid}`

// The neighbour stands still: it takes the connections of a second try no more than those of the first.
openForTests(async (cleanup) => {
  host = await cleanup.open('the folder of VMs', TestHypervisor.create(), (one) => one.remove())
  lab = await cleanup.open('the lab', Lab.create(), (one) => one.destroy())
  const { uid } = await host.request(0)
  networks = lab.hostNetwork({ deviceKind: 'tap', uidRange: { first: uid, last: uid + 255 } })
  cleanup.add('the networks', () => networks.close())
  cleanup.add('the VMs', () => host.killAll())
  agent = createServer((socket) => socket.destroy())
  cleanup.add('the agent', () => agent.close())
  await new Promise<void>((resolve) => agent.listen(`\0${abstract}`, resolve))
  loopback = createServer((socket) => socket.destroy())
  cleanup.add('the loopback', () => loopback.close())
  await new Promise<void>((resolve) => loopback.listen(0, '127.0.0.1', resolve))
  services = await cleanup.open('the services', servicePlaces(host.folder, jailUid()), (all) => all.remove())
  const cold = new TemplateStore({ dir: join(host.folder, 'cold'), settings: host.settings, sharing: 'cold' })
  neighbour = await cleanup.open('the neighbour', startVm(host.settings, cold, await requestIn(2, 6)), ({ vm }) => vm.kill())
  // It need only be there: what its guest does meanwhile takes the processors from others.
  await run('kill', ['-STOP', String(neighbour.vm.pid)])
})

async function requestIn(n: number, last: number) {
  const request = await host.request(n)
  const port = await networks.attach({ network: network(1, { outbound: 'nat' }), pod: pod(`pod${n}`, last, { runAsUid: request.uid }) })
  return { ...request, mac: pod('', last).mac, network: { namespace: port.netns, tap: tapName(`pod${n}`) } }
}

/** The script in QEMU's place: the same launch, user, namespaces, root and descriptors. */
async function escape(request: Awaited<ReturnType<typeof requestIn>>, args: string[], cgroups: string[]): Promise<Launched> {
  const { runDir, uid } = request
  await prepareFolder(runDir, uid)
  const files = new OpenFiles()
  await files.add(descriptors.image, request.imageFile, 'r')
  await files.add(descriptors.scratch, request.scratchFile, 'r+')
  await files.add(descriptors.kernel, host.settings.guest.kernel, 'r')
  try {
    const launched = await launchQemu({
      binary: 'perl', arguments: ['-e', escapeScript, '--', ...args], uid, folder: vmFolder(runDir), stderrFile: stderrFile(runDir), files: files.descriptors,
      network: request.network, kvmNode: null, cgroups, dieWithAgent: true, signal: new AbortController().signal,
    })
    await sealFolder(runDir)
    return launched
  } finally {
    await files.close()
  }
}

/** How many packets of a kind the namespace sent on, or answered, to anybody. */
async function count(netns: string, rule: string): Promise<() => Promise<number>> {
  const [family, hook] = rule.startsWith('arp') ? ['arp', 'output'] : ['inet', 'postrouting']
  const table = `watch${Math.random().toString(36).slice(2, 8)}`
  await run('nsenter', [`--net=/run/netns/${netns}`, 'nft', '-f', '-'], { input: `table ${family} ${table} {\n chain c { type filter hook ${hook} priority 400; ${rule} counter\n }\n}\n` })
  return async () => Number(/packets (\d+)/.exec((await run('nsenter', [`--net=/run/netns/${netns}`, 'nft', 'list', 'table', family ?? '', table])).stdout)?.[1])
}

/** Attempts that do no harm outside, where each must succeed: what is refused inside is refused by the walls. */
const harmless = [
  "read the machine's passwords", 'list the data folder', "read a neighbour's messages", "read a neighbour's disk", 'see other processes',
  'look at a process of the host', 'read kernel settings', "speak to a neighbour's QEMU", 'speak to the agent', "speak to a balancer's HAProxy", "read a certificate's key", "list a resolver's folder", "read a resolver's names", 'make a socket of family 10', 'make a socket of family 16', 'make a socket of family 17', 'make a raw socket', 'become root',
  'make a mount namespace', 'signal a process of the host', "read a process's memory", 'make a device node', 'use the keyring', 'watch files of others', 'change a program',
  'join a namespace', 'open by handle', 'make a BPF map', 'add a key', "read the kernel's log", 'start a process in a user namespace', 'start one by clone3', 'hold a process of the host', 'use userfaultfd',
]

/** How the walls answer, by the name of the attempt: another error would say that it failed by itself. What is not here is EPERM, the filter's or the kernel's to who may nothing. */
const outcomes: readonly [RegExp, string][] = [
  // There is no such file in its root.
  [/^(read (the machine's|a neighbour's|a certificate's|a resolver's|through|kernel settings)|list (the data|a resolver's) folder|look at a process|speak to (a neighbour's|a balancer's)|write into \/(proc|tmp|sys\/fs\/cgroup)$)/, 'ENOENT'],
  // In its network namespace there is no such name; in its pid namespace no such process.
  [/^speak to the agent$/, 'ECONNREFUSED'],
  [/^signal a process/, 'ESRCH'],
  [/^(connect|send) to |^make a (raw )?socket/, 'EAFNOSUPPORT'],
  [/^(start one by clone3|use io_uring)$/, 'ENOSYS'],
  [/^write into \/(usr|usr\/bin|etc|dev|)$/, 'EROFS'],
  [/^write into \/vm|^(change a program|be spared|take precedence)/, 'EACCES'],
  [/^grow its disk/, 'EFBIG'],
  // It sees nothing, or a child of it was ended by the kernel, without a core.
  [/^(list what is above|see other processes|use calls of another table|leave a core)/, 'nothing'],
  [/^ask for its tap's name$/, 'done'],
]
const outcomeOf = (name: string) => outcomes.find(([names]) => names.test(name))?.[1] ?? 'EPERM'

test('a QEMU that was broken into reaches nothing of others, and costs nobody else anything', async () => {
  const request = await requestIn(1, 5)
  const netns = request.network.namespace
  await Promise.all([lab.serve(lab.host, 'host'), lab.serve(lab.outside, 'metadata')])
  await lab.hears(lab.outside, HOST, 'host')
  const { runDir } = neighbour.vm.record
  const scratchFile = join(runDir, 'scratch')
  const ofTheHost = `127.0.0.1:${(loopback.address() as AddressInfo).port}`
  const targets = [`${addresses.gateway}:80`, `${HOST}:8080`, `${METADATA}:80`, `${addresses.neighbour}:8080`, `${OUTSIDE}:8080`, ofTheHost]
  const args = [
    `data=${host.folder}`, `log=${stderrFile(runDir)}`, `disk=${scratchFile}`, `qmp=${qmpSocket(runDir)}`, `pid=${neighbour.vm.pid}`, `abstract=${abstract}`, ...services.arguments, `addresses=${targets.join(',')}`,
    `gatewaymac=${gatewayMac(1)}`, `gateway=${addresses.gateway}`, `address=${addresses.own}`, `mac=${request.mac}`, `other=${addresses.other}`, 'othermac=02:00:00:00:00:77', `neighbour=${addresses.neighbour}`,
  ]

  const outside = await mkdtemp(join(tmpdir(), 'outside-'))
  const controlled = [...harmless, `connect to ${ofTheHost}`]
  const control = attemptsIn((await run('perl', ['-e', escapeScript, '--', ...args, `here=${outside}`, `only=${controlled.join(',')}`])).stderr)
  await rm(outside, { recursive: true })
  expect(Object.fromEntries(control)).toEqual(Object.fromEntries(controlled.map((name) => [name, 'done'])))

  const [honest, otherAddress, byOtherMac, answered] = await Promise.all([
    count(netns, `ip saddr ${addresses.own} udp dport 99`), count(netns, `ip saddr { ${addresses.other}, ${addresses.neighbour} } udp dport 99`), count(netns, 'udp dport 99'), count(netns, 'arp operation reply'),
  ])
  const cgroups = await host.settings.cgroups.make('vm-escaped', limits)
  const escaped = await escape(request, [...args, 'here=/vm'], cgroups)
  const end = await escaped.ended
  const text = await readFile(stderrFile(request.runDir), 'utf8')
  const tried = attemptsIn(text)
  const [processes, memory] = [tried.get('processes'), tried.get('memory')]
  tried.delete('processes')
  tried.delete('memory')
  expect(tried.size, text).toBeGreaterThan(90)
  expect(Object.fromEntries(tried)).toEqual(Object.fromEntries([...tried.keys()].map((name) => [name, outcomeOf(name)])))

  // Its tap carries what bears its own addresses, and nothing else.
  expect(await Promise.all([honest(), otherAddress(), byOtherMac(), answered()])).toEqual([1, 0, 1, 1])

  const { missing } = host.settings.cgroups.support
  if (!missing.includes('pids')) expect(Number(processes)).toBe(limits.processes - 1)
  expect(memory).toBe('begins')
  if (!missing.includes('memory')) {
    expect(end.signal).toBe('SIGKILL')
    expect(await memoryLimitHit(cgroups)).toBe(limits.memoryBytes)
  }
  expect(await removeGroup(cgroups)).toBe(true)
  expect(await isRunning(neighbour.vm.record.process)).toBe(true)
  expect((await stat(request.scratchFile)).size).toBe(host.settings.scratchBytes)
})

test("what a pod's user sends itself from its network's namespace is dropped, whatever it may call", async () => {
  const { uid, network: place } = await requestIn(3, 7)
  const send = (user: number, to: string) => run('nsenter', [`--net=/run/netns/${place.namespace}`, 'setpriv', '--reuid', String(user), '--clear-groups', 'perl', '-MSocket', '-e', 'socket(my $s, AF_INET, SOCK_DGRAM, 0); send($s, "x", 0, pack_sockaddr_in(99, inet_aton($ARGV[0]))) or die "$!\n"', to])
  for (const to of [addresses.gateway, addresses.neighbour, HOST, METADATA, OUTSIDE]) await expect(send(uid, to), to).rejects.toThrow('Operation not permitted')
  // The chain as such lets others' through, once a rule after the one under test says so.
  await run('nsenter', [`--net=/run/netns/${place.namespace}`, 'nft', 'add', 'rule', 'inet', 'hypernetes', 'output', 'udp', 'dport', '99', 'accept'])
  await send(65_534, addresses.neighbour)
  await expect(send(uid, addresses.neighbour)).rejects.toThrow('Operation not permitted')
})
