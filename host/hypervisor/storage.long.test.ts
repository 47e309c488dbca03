import { randomUUID } from 'node:crypto'
import { readdir, readFile, stat } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { beforeAll, expect, test, vi } from 'vitest'
import { networkVolumeBytes, vmLimits } from '@/host/cgroups/limits'
import type { HostNetwork } from '@/host/network/host-network'
import { tapName } from '@/host/network/names'
import { StorageNamespace } from '@/host/network/storage-namespace'
import { HOST, Lab, METADATA, network, OUTSIDE, pod } from '@/host/network/testing/lab'
import { RbdStore } from '@/host/volumes/rbd/rbd-store'
import { serialOf } from '@/host/volumes/open-image'
import { TestCeph, testPool } from '@/host/volumes/testing/ceph'
import { cleanupAfterAll } from '@/tools/testing/cleanup-after-all'
import { fileSizeLimitOf } from './file-size-limit'
import { launchQemu } from './launch'
import { descriptors } from './machine'
import { OpenFiles } from './open-files'
import type { RunningVm } from './running-vm'
import { prepareFolder, sealFolder, stderrFile, vmFolder } from './start-qemu'
import { startVm } from './start-vm'
import { TemplateStore } from './templates/template-store'
import { viewProcess } from './testing/process-view'
import { GuestShell, shellGuest } from './testing/shell-guest'
import { TestHypervisor } from './testing/test-hypervisor'
import type { VolumeDisk, VolumeFault } from './volume-disks'

const MiB = 2 ** 20
const patience = { timeout: 60_000 }
const rates = { iops: null, iopsBurst: null, bytesPerSecond: null, bytesPerSecondBurst: null, burstSeconds: 60 }
const tenant = 'a'.repeat(32)
const store = { there: '198.51.100.2', here: '198.51.100.1' }
const abstract = `hypernetes-storage-${process.pid}`

let host: TestHypervisor
let lab: Lab
let networks: HostNetwork
let ceph: TestCeph
let storage: StorageNamespace
let templates: TemplateStore
let settings: TestHypervisor['settings']

const cleanup = cleanupAfterAll()

beforeAll(async () => {
  ;[host, lab] = await Promise.all([cleanup.open('the folder of the host', TestHypervisor.create(), (one) => one.remove()), cleanup.open('the lab', Lab.create(), (one) => one.destroy())])
  const { uid } = await host.request(0)
  const uids = { first: uid, last: uid + 255 }
  networks = lab.hostNetwork({ deviceKind: 'tap', uidRange: uids })
  cleanup.add('the networks', () => networks.close())
  storage = new StorageNamespace({ hostTag: lab.hostTag, uids, uplinkNetns: lab.host, log: { warn: () => {} } })
  cleanup.add('the network of stores', () => storage.remove())
  ceph = await cleanup.open('Ceph', TestCeph.start({ wire: { from: lab.host, ...store } }), (one) => one.stop())
  cleanup.add('the VMs', () => host.killAll())
  // Answers go back through the host, which speaks for the namespace of storage.
  await storage.reach([`${store.there}/32`])
  settings = { ...host.settings, guest: await shellGuest(host.settings.guest, host.folder) }
  templates = new TemplateStore({ dir: join(host.folder, 'cold'), settings, sharing: 'cold' })
  const agent = createServer((socket) => socket.destroy())
  cleanup.add('the socket of an agent', () => agent.close())
  await new Promise<void>((resolve) => agent.listen(`\0${abstract}`, resolve))
})

/** A pod's VM in its tenant's network, with a way to stores unless told otherwise. */
async function start(n: number, way: string | null = storage.name): Promise<RunningVm> {
  const request = await host.request(n)
  const port = await networks.attach({ network: network(1), pod: pod(`pod${n}`, 10 + n, { runAsUid: request.uid }) })
  return (await startVm(settings, templates, { ...request, mac: pod('', 10 + n).mac, network: { namespace: port.netns, tap: tapName(`pod${n}`) }, storage: way })).vm
}

/** A host's agent at the store. */
const agentStore = () => new RbdStore({ access: ceph.access(), pool: testPool, namespace: tenant, work: host.folder })

async function volume(sizeBytes = 64 * MiB): Promise<string> {
  const uid = randomUUID()
  await agentStore().create({ uid, sizeBytes, origin: { kind: 'blank' } }, () => {})
  return uid
}

/** Claims and opens a volume as an agent does; tells as whom Ceph knows its opener. */
async function plug(vm: RunningVm, uid: string, epoch: number, more: Partial<Pick<VolumeDisk, 'readOnly' | 'onFull'>> = {}): Promise<string | null> {
  const at = agentStore()
  const readOnly = more.readOnly ?? false
  if (!readOnly) await at.claim(uid, epoch, null)
  const image = await at.image(uid, readOnly ? 'read' : 'write', epoch)
  if (image.kind !== 'rbd') throw new Error('this store has images of Ceph')
  let address: string | null = null
  await vm.volumes.plug({ serial: serialOf(uid), ceph: image, sizeBytes: 64 * MiB, readOnly, rates, onFull: 'pause', ...more }, async () => {
    if (!readOnly) ({ address } = await at.confirmOpen(uid, epoch))
  })
  return address
}

/** The first bytes of a volume, as the store has them. */
async function head(uid: string, bytes = 4): Promise<string> {
  const target = join(host.folder, `export-${uid}`)
  await ceph.admin.rbd(['export', '--no-progress', `${testPool}/${tenant}/volume-${uid}`, target])
  return (await readFile(target)).subarray(0, bytes).toString('latin1')
}

test('a VM opens its tenant’s images from its jail, by its lock, and its guest stays in its network; whoever takes one over shuts it out', async () => {
  const [vm, second] = [await start(1), await start(2)]
  const guest = await GuestShell.connect(vm.agentSocket)
  await guest.out('true')
  const [one, two] = [await volume(), await volume()]
  const before = await viewProcess(vm.pid)
  const addresses = [await plug(vm, one, 1), await plug(vm, two, 1)]

  // Each is a client of its own, by what Ceph sees of all VMs of a host behind one address.
  const third = await volume()
  addresses.push(await plug(second, third, 1))
  expect(new Set(addresses).size).toBe(3)
  for (const address of addresses) expect(address).toMatch(/^198\.51\.100\.1:0\/\d+$/)
  await second.kill()

  // The walls are the same, but for its own sockets, and the network that QEMU is in: the host's for storage.
  const view = await viewProcess(vm.pid)
  expect(view.namespaces.net).toBe(`net:[${(await stat(`/run/netns/${storage.name}`)).ino}]`)
  expect([...new Set(view.descriptors.values())].filter((path) => !/^(socket:\[\d+\]|pipe:\[\d+\]|anon_inode:.*)$/.test(path) && ![...before.descriptors.values()].includes(path))).toEqual([])
  expect(view.threads.every(({ CapEff, CapBnd, NoNewPrivs, Seccomp }) => /^0+$/.test(CapEff) && /^0+$/.test(CapBnd) && NoNewPrivs === '1' && Seccomp === '2')).toBe(true)
  // Its configuration is heeded: of each image one thread carries on what has come back.
  expect(view.threads.filter(({ Name }) => Name === 'io_context_pool')).toHaveLength(2)
  expect((await fileSizeLimitOf(vm.pid)).soft).toBe(settings.scratchBytes)
  const limits = vmLimits({ accelerator: settings.accelerator, vcpus: 1, memoryMiB: 128 }, 0, true)
  const files = vm.record.cgroups.flatMap((group) => [join(group, 'memory.max'), join(group, 'memory.limit_in_bytes')])
  const set = Number((await Promise.all(files.map((file) => readFile(file, 'utf8').catch(() => '')))).join(''))
  if (set !== 0) expect(set).toBe(Math.floor((limits.memoryBytes + 2 * networkVolumeBytes) / 4096) * 4096)

  // No key is in its arguments, in its folder, or left in QEMU.
  const image = await agentStore().image(one, 'write', 1)
  const key = image.kind === 'rbd' ? await image.secret() : ''
  expect(await readFile(`/proc/${vm.pid}/cmdline`, 'utf8')).not.toContain(key)
  for (const name of (await readdir(vmFolder(vm.record.runDir))).filter((each) => each.startsWith('ceph'))) expect(await readFile(join(vmFolder(vm.record.runDir), name), 'utf8')).not.toContain(key)
  expect(await vm.volumes.plugged()).toEqual(expect.arrayContaining([one, two].map((uid) => ({ serial: serialOf(uid), sizeBytes: 64 * MiB, readOnly: false, layers: [], device: true }))))

  // The guest writes, the disk grows under it; its own packets go to its network, from which no store is reached.
  const [a, b] = [serialOf(one), serialOf(two)]
  await guest.out(`A=$(await ${a}); B=$(await ${b}); printf AAAA >/four; dd if=/four of=$A conv=notrunc,fsync 2>/dev/null; dd if=/four of=$B conv=notrunc,fsync 2>/dev/null`)
  await vm.volumes.grow(a, 128 * MiB)
  await agentStore().grow(one, 128 * MiB)
  await guest.out(`while [ "$(cat /sys/block/\${A#/dev/}/size)" != ${128 * 2048} ]; do sleep 0.05; done`)
  await guest.out('for n in /sys/class/net/e*; do N=${n##*/}; done; ip link set $N up; ip addr add 10.0.0.11/24 dev $N; ip route add default via 10.0.0.1 dev $N; ping -c 1 -W 5 10.0.0.1')
  const packets = await lab.count(ceph.namespace, 'ip saddr 10.0.0.0/24')
  await guest.run(`ping -c 1 -W 1 ${store.there}`)
  expect(await packets()).toBe(0)

  // One that is taken away from it is as the guest left it.
  await vm.volumes.unplug(b, [])
  await agentStore().release(two, 1)
  expect(await head(two)).toBe('AAAA')
  expect((await vm.volumes.plugged()).map(({ serial }) => serial)).toEqual([a])
  // For reading alone: the device is so, and nobody has its lock.
  expect(await plug(vm, two, 1, { readOnly: true })).toBeNull()
  expect(await guest.out(`B=$(await ${b}); head -c 4 $B; cat /sys/block/\${B#/dev/}/ro`)).toBe('AAAA1')

  // Another host claims the other one: the VM stands still with its write, which never comes to be.
  const faults: VolumeFault[] = []
  vm.volumes.onFault((fault) => faults.push(fault))
  expect((await agentStore().claim(one, 2, null)).clients).toEqual([addresses[0]])
  guest.run('dd if=/bin/busybox of=$A bs=4096 count=1 conv=notrunc oflag=direct 2>/dev/null').catch(() => {})
  await vi.waitFor(() => expect(faults).toMatchObject([{ serial: a, operation: 'write', noSpace: false, paused: true }]), patience)
  await vm.volumes.resume()
  await vi.waitFor(() => expect(faults.length).toBeGreaterThan(1), patience)
  expect(await head(one)).toBe('AAAA')
  guest.close()
  await vm.kill()
})

test('what cannot be opened leaves nothing: another tenant’s image, a higher epoch, a store that is not reached, a VM without a way there', async () => {
  const vm = await start(3)
  const uid = await volume()
  const at = agentStore()
  await at.claim(uid, 1, null)
  const image = await at.image(uid, 'write', 1)
  if (image.kind !== 'rbd') throw new Error('this store has images of Ceph')
  const disk = { serial: serialOf(uid), sizeBytes: 64 * MiB, readOnly: false, rates, onFull: 'pause' as const }
  // QEMU says so only after its 10 s; meanwhile, the rest is made.
  await storage.reach([])
  const unreached = expect(vm.volumes.plug({ ...disk, ceph: image })).rejects.toThrow('blockdev-add')
  const without = await start(4, null)
  await expect(plug(without, uid, 1)).rejects.toThrow('without a way to the stores of volumes')
  await without.kill()
  const foreign = new RbdStore({ access: ceph.access(), pool: testPool, namespace: 'b'.repeat(32), work: host.folder })
  const other = randomUUID()
  await foreign.create({ uid: other, sizeBytes: 64 * MiB, origin: { kind: 'blank' } }, () => {})
  await agentStore().claim(uid, 2, null)
  await unreached
  await storage.reach([`${store.there}/32`])
  await expect(vm.volumes.plug({ ...disk, ceph: { ...image, options: { ...image.options, namespace: 'b'.repeat(32), image: `volume-${other}` } } })).rejects.toThrow(/not permitted/i)
  // Its lock is taken, and the guest is not let in: a later owner was claimed meanwhile.
  await expect(vm.volumes.plug({ ...disk, ceph: image }, () => at.confirmOpen(uid, 1))).rejects.toMatchObject({ code: 'Stale' })
  expect(await vm.volumes.plugged()).toEqual([])
  expect(await plug(vm, uid, 3)).toMatch(/:0\/\d+$/)
  await vm.kill()
})

/** What a QEMU that was broken into would try, in the place of QEMU: a line for each, `name<tab>outcome`. */
const attempts = String.raw`
use strict; use Socket; use Errno;
open(my $out, '>&', 2) or die; select($out); $| = 1;
select(undef, undef, undef, 0.01) while (stat('.'))[4] != 0;
my %names = map { (Errno->can($_)->() => $_) } grep { !/^(EWOULDBLOCK|ENOTSUP|EDEADLOCK)$/ } keys %!;
sub attempt { my ($name, $work) = @_; $! = 0; local $SIG{ALRM} = sub { die "late\n" }; my $done = eval { alarm 2; my $r = $work->(); alarm 0; $r }; my $error = $! + 0; alarm 0; print "$name\t", $done ? 'done' : $@ ? 'no answer' : $names{$error} // $error, "\n" }
for my $to (@ARGV) {
  my ($host, $port) = split /:/, $to;
  attempt("connect $to", sub { my $s; socket($s, AF_INET, SOCK_STREAM, 0) && connect($s, pack_sockaddr_in($port, inet_aton($host))) });
}
attempt('datagrams', sub { socket(my $s, AF_INET, SOCK_DGRAM, 0) });
attempt('raw', sub { socket(my $s, AF_INET, SOCK_RAW, 6) });
attempt("family $_", sub { my $f = $_; socket(my $s, $f, SOCK_STREAM, 0) }) for 10, 16, 17, 38, 40;
attempt('agent', sub { my $s; socket($s, AF_UNIX, SOCK_STREAM, 0) && connect($s, pack('S a*', AF_UNIX, "\0` + abstract + String.raw`")) });
attempt('join a namespace', sub { open(my $n, '<', '/proc/self/ns/net') or die; syscall(308, fileno($n), 0) == 0 });
print "end\tdone\n";
`

test('a QEMU with such volumes that was broken into reaches the store and nothing else: no host, no neighbour, no other machine', async () => {
  const [request, neighbour] = [await host.request(5), await host.request(6)]
  const port = await networks.attach({ network: network(1), pod: pod('pod5', 15, { runAsUid: request.uid }) })
  await networks.attach({ network: network(1), pod: pod('pod6', 16, { runAsUid: neighbour.uid }) })
  await Promise.all([lab.serve(lab.host, 'host'), lab.serve(lab.outside, 'metadata'), lab.serve(storage.name, 'another VM')])
  const own = (await lab.in(storage.name, 'ip', '-o', '-4', 'address', 'show', 'dev', 'up')).stdout.match(/inet ([\d.]+)/)?.[1] ?? ''
  await prepareFolder(request.runDir, request.uid)
  const files = new OpenFiles()
  await files.add(descriptors.image, request.imageFile, 'r')
  await files.add(descriptors.scratch, request.scratchFile, 'r+')
  await files.add(descriptors.kernel, host.settings.guest.kernel, 'r')
  const to = [`${store.there}:3300`, `${store.there}:6789`, `${store.there}:22`, `${store.here}:8080`, `${HOST}:8080`, `${OUTSIDE}:8080`, `${METADATA}:8080`, '10.0.0.1:8080', '10.0.0.16:8080', `${own}:8080`, '127.0.0.1:8080', '169.254.1.1:8080']
  try {
    const launched = await launchQemu({
      binary: 'perl', arguments: ['-e', attempts, '--', ...to], uid: request.uid, folder: vmFolder(request.runDir), stderrFile: stderrFile(request.runDir), files: files.descriptors,
      network: { namespace: port.netns, tap: tapName('pod5') }, storage: storage.name, kvmNode: null, cgroups: [], dieWithAgent: true, signal: new AbortController().signal,
    })
    await sealFolder(request.runDir)
    await launched.ended
  } finally {
    await files.close()
  }
  const said = new Map((await readFile(stderrFile(request.runDir), 'utf8')).split('\n').filter((line) => line.includes('\t')).map((line) => line.split('\t') as [string, string]))
  expect(said.get('end'), await readFile(stderrFile(request.runDir), 'utf8')).toBe('done')
  const connected = to.filter((each) => said.get(`connect ${each}`) === 'done')
  expect(connected).toEqual(to.slice(0, 2))
  expect(['datagrams', 'raw', 'family 10', 'family 16', 'family 17', 'family 38', 'family 40'].map((name) => said.get(name))).toEqual(Array(7).fill('EAFNOSUPPORT'))
  expect([said.get('agent'), said.get('join a namespace')]).toEqual(['ECONNREFUSED', 'EPERM'])
})
