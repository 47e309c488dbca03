import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { imageSerial } from '@/contracts/guest/v1/machine'
import { GuestClient } from '@/host/guest/client'
import { runToEnd, setupRequest, startRequest } from '@/host/guest/testing/requests'
import { busyboxImage } from '@/host/guest/testing/test-machine'
import { launchQemu } from '../launch'
import { descriptors } from '../machine'
import { OpenFiles } from '../open-files'
import { killProcess } from '../process-identity'
import { startVm, type StartedVm } from '../start-vm'
import { sha256, TestHypervisor } from '../testing/test-hypervisor'
import { memoryDigest } from './sealed-memory'
import { TemplateStore } from './template-store'

let host: TestHypervisor
let templates: TemplateStore
let images: string
let imageFile: string
const started: StartedVm[] = []

beforeAll(async () => {
  host = await TestHypervisor.create()
  images = await mkdtemp(join(host.folder, 'busybox-'))
  imageFile = await busyboxImage(images)
  templates = new TemplateStore({ dir: join(host.folder, 'templates'), settings: host.settings, sharing: 'tenant-copy' })
  await templates.open()
})

afterAll(async () => {
  await Promise.all(started.map(({ vm }) => vm.quit()))
  await host.killAll()
  await templates.close({ dropAll: true })
  await rm(images, { recursive: true, force: true })
  await host.remove()
})

/** What a container of a clone sees of all that must be its own, as its very first process. */
const look = `
echo "boot $(cat /proc/sys/kernel/random/boot_id)"
echo "uuid $(cat /proc/sys/kernel/random/uuid)"
echo "random $(head -c 32 /dev/urandom | md5sum | cut -c 1-32)"
echo "aslr $(grep -m 1 stack /proc/self/maps | cut -d ' ' -f 1)"
echo "mmap $(grep -m 1 vdso /proc/self/maps | cut -d ' ' -f 1)"
echo "hostname $(hostname)"
echo "mac $(cat /sys/class/net/eth0/address)"
echo "address $(ip -4 -o addr show dev eth0 | grep -o 'inet [0-9.]*')"
echo "kernel $(grep -m 1 ' _text$' /proc/kallsyms | cut -d ' ' -f 1) $(grep -m 1 virtio_blk /proc/modules | cut -d ' ' -f 6) $(grep -m 1 'Kernel code' /proc/iomem)"
echo "now $(date +%s)"
echo "order $(grep -m 1 'virtual machine fork' /dev/kmsg | cut -d , -f 3) $(cut -d ' ' -f 22 /proc/self/stat)"
`

/** The same request for both but for what the host gives each pod: no randomness of it may come from here. */
async function first(n: number, time: number): Promise<Record<string, string>> {
  const vm = await startVm(host.settings, templates, await host.request(n, { imageFile }))
  started.push(vm)
  expect([vm.mode, vm.coldBecause]).toEqual(['template', null])
  const client = await GuestClient.connect(vm.vm.agentSocket)
  try {
    const network = { mac: `02:00:00:00:00:0${n}`, address: `10.9.8.${n}`, prefixLength: 24, gateway: null, mtu: 1400 }
    await client.setup(setupRequest({ instance: `pod-${n}`, hostname: `web-${n}`, machineId: String(n).repeat(32), network, time, cloned: true }))
    await client.addImage({ serial: imageSerial(0), key: 'busybox' })
    const { out, err } = await runToEnd(client, startRequest('main', ['sh', '-c', look], { privileged: true }))
    expect(err).toBe('')
    return Object.fromEntries(out.trim().split('\n').map((line) => [line.slice(0, line.indexOf(' ')), line.slice(line.indexOf(' ') + 1)]))
  } finally {
    client.close()
  }
}

let layout: string | undefined

test('two clones of one template differ in all that must be theirs before their first process runs, and have the time they are told', async () => {
  const times = [Date.UTC(2031, 4, 6), Date.UTC(2019, 0, 1)] as const
  const begun = performance.now()
  const [one, two] = await Promise.all([first(1, times[0]), first(2, times[1])])
  const seconds = (performance.now() - begun) / 1000
  expect(new Set(started.map(({ vm }) => vm.record.copy)).size).toBe(1)
  for (const key of ['boot', 'uuid', 'random', 'aslr', 'mmap', 'hostname', 'mac', 'address']) {
    expect(one[key], key).not.toBe('')
    expect(one[key], key).not.toBe(two[key])
  }
  expect([one.hostname, two.hostname, one.mac, two.mac, one.address, two.address]).toEqual(['web-1', 'web-2', '02:00:00:00:00:01', '02:00:00:00:00:02', 'inet 10.9.8.1', 'inet 10.9.8.2'])
  expect(one.kernel).toMatch(/^ffffffff\w+ 0xffffffff/)
  expect(two.kernel).toBe(one.kernel)
  layout = one.kernel
  // As the host says it, an old template's or a host's clock that was set notwithstanding.
  for (const [seen, told] of [[one, times[0]], [two, times[1]]] as const) {
    expect(Number(seen.now)).toBeGreaterThanOrEqual(told / 1000 - 1)
    expect(Number(seen.now)).toBeLessThan(told / 1000 + seconds + 1)
  }
  // The kernel made its random numbers anew (µs since its boot) before that process began (1/100 s since then).
  for (const { order } of [one, two]) {
    const [reseededUs, startTicks] = order?.split(' ').map(Number) ?? []
    expect(reseededUs).toBeGreaterThan(0)
    expect(reseededUs).toBeLessThan((startTicks ?? 0) * 10_000 + 10_000)
  }
})

/** Writes nearly all memory that the guest has left; all of it would end the guest. */
const fill = 'free=$(grep MemAvailable /proc/meminfo | tr -dc 0-9); mount -t tmpfs -o size=$((free * 8 / 10))k all /tmp; dd if=/dev/zero of=/tmp/all bs=1M 2>/dev/null; stat -c %s /tmp/all'

/** What one who broke out of the guest does with all that its QEMU was given: descriptors, user, root, namespaces. */
const escaped = String.raw`
use strict; use warnings;
my @told;
for my $fd (${descriptors.memory}, ${descriptors.state}, ${descriptors.kernel}) {
  my $given;
  open($given, '+<&=', $fd) or open($given, '<&=', $fd) or die "descriptor $fd: $!\n";
  push @told, "write $fd" if defined syswrite($given, 'x');
  push @told, "truncate $fd" if truncate($given, 4096);
  push @told, "punch $fd" if syscall(285, $fd, 1 | 2, 0, 4096) >= 0;
  push @told, "map $fd" if syscall(9, 0, 4096, 1 | 2, 1, $fd, 0) != -1;
  push @told, "chmod $fd" if syscall(91, $fd, 0666) >= 0;
  push @told, "unseal $fd" if fcntl($given, 1033, 0);
  my $path = "/proc/self/fd/$fd";
  if (open(my $again, '+<', $path)) {
    push @told, "write anew $fd" if defined syswrite($again, 'x');
    push @told, "truncate anew $fd" if truncate($again, 0);
  }
}
print STDERR join(', ', 'tried', @told), "\n";
# Who ends at once may be gone before it is known by its identity.
sleep 60;
`

test('neither a guest that writes all its memory nor one that breaks out of it changes the template', async () => {
  const request = await host.request(3, { imageFile })
  const lease = await templates.acquire(request)
  const digests = async () => [await memoryDigest(lease.memory), await sha256(lease.memory), await sha256(lease.state), await sha256(lease.bootStub)]
  const before = await digests()

  const client = await GuestClient.connect(started[0]?.vm.agentSocket ?? '')
  const { out } = await runToEnd(client, startRequest('fill', ['sh', '-c', fill], { privileged: true }))
  client.close()
  expect(Number(out)).toBeGreaterThan(32 << 20)
  expect(await digests()).toEqual(before)

  const files = new OpenFiles()
  const stderrFile = join(host.folder, 'escaped.stderr')
  try {
    await files.add(descriptors.memory, lease.memory, 'r')
    await files.add(descriptors.state, lease.state, 'r')
    await files.add(descriptors.kernel, lease.bootStub, 'r')
    const launched = await launchQemu({ binary: 'perl', arguments: ['-e', escaped], uid: request.uid, folder: request.runDir, stderrFile, files: files.descriptors, network: null, kvmNode: null, cgroups: [], dieWithAgent: true, signal: new AbortController().signal })
    await expect.poll(() => readFile(stderrFile, 'utf8')).toBe('tried\n')
    await killProcess(launched.identity)
    await launched.ended
  } finally {
    await files.close()
  }
  expect(await digests()).toEqual(before)
  await templates.check()
  await lease.release()
  expect((await templates.acquire(request)).copy).toBe(lease.copy)
})

test("a template that is made anew lays its clones' kernels out anew", async () => {
  await templates.renew({ vcpus: 1, memoryMiB: 128 })
  const { kernel } = await first(4, Date.now())
  expect(kernel).toMatch(/^ffffffff\w+ 0xffffffff/)
  expect(kernel).not.toBe(layout)
})
