import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Assignment } from '@/contracts/host/v1'
import { perlRoot } from '@/host/images/testing/perl'
import { RealHost } from '@/host/pods/testing/real-host'

const scratchBytes = 64 << 20

let host: RealHost
let attacker: Assignment
let neighbour: Assignment

const image = 'test/attacker:1'
const canary = 'canary-of-a-configmap'
const sh = (script: string) => host.run(attacker, ['sh', '-c', script])
const restarts = () => host.report(attacker)?.containers[0]?.restartCount ?? -1

const newPod = () => host.pod({ containers: [{ name: 'web', image, securityContext: { privileged: true }, env: [{ name: 'CANARY', value: canary }] }] })

/** A pod that has not crashed yet: one that has waits longer each time. */
async function freshAttacker(): Promise<void> {
  attacker = newPod()
  host.apply([attacker, neighbour])
  await host.untilRunning(attacker)
}

/** The neighbour is what it was, and answers. */
async function neighbourIsWell(): Promise<void> {
  expect((await host.run(neighbour, ['echo', 'well'])).output).toBe('well\n')
  expect(host.report(neighbour)).toMatchObject({ phase: 'Running', containers: [{ restartCount: 0 }] })
}

/** The pod was started again by its policy, once, and can be used. */
async function startsAgain(): Promise<void> {
  await host.until(() => restarts() === 1 && host.report(attacker)?.phase === 'Running')
  expect((await sh('echo again')).output).toBe('again\n')
}

const secrets = () => [host.folder, attacker.uid, attacker.tenantId, canary, neighbour.uid]

/**
 * Machine code: iopl(3), then for each of the keys 0 to 63 `out 0x510, key` and `rep insb` of 4096 bytes from port 0x511 to
 * standard output. Source of the ports: QEMU, docs/specs/fw_cfg.
 */
const readFirmwareConfiguration = 'b8ac000000bf030000000f054881ec0010000031dbba1005000089d866efba110500004889e7b900100000f36cb801000000bf010000004889e6ba001000000f05ffc383fb4072cdb83c00000031ff0f05'

/** An x86-64 program of this code: a header, one segment, no libraries. */
function program(code: string): Buffer {
  const header = Buffer.alloc(120)
  header.write('7f454c4602010100', 'hex')
  header.writeUInt32LE(0x003e_0002, 16)
  header.writeUInt32LE(1, 20)
  header.writeBigUInt64LE(0x40_0078n, 24)
  header.writeBigUInt64LE(64n, 32)
  header.writeUInt16LE(64, 52)
  header.writeUInt16LE(56, 54)
  header.writeUInt16LE(1, 56)
  header.writeUInt32LE(1, 64)
  header.writeUInt32LE(5, 68)
  header.writeBigUInt64LE(0x40_0000n, 80)
  header.writeBigUInt64LE(0x40_0000n, 88)
  for (const at of [96, 104]) header.writeBigUInt64LE(BigInt(120 + code.length / 2), at)
  header.writeBigUInt64LE(0x1000n, 112)
  return Buffer.concat([header, Buffer.from(code, 'hex')])
}

async function digests(folder: string): Promise<Map<string, string>> {
  const found = new Map<string, string>()
  for (const name of await readdir(folder, { recursive: true })) {
    if (!(await stat(join(folder, name))).isFile()) continue
    const hash = createHash('sha256')
    for await (const chunk of createReadStream(join(folder, name))) hash.update(chunk as Buffer)
    found.set(name, hash.digest('hex'))
  }
  return found
}

beforeAll(async () => {
  host = await RealHost.open({ scratchBytes })
  await host.addImage(image, await perlRoot())
  neighbour = newPod()
  await freshAttacker()
  await host.untilRunning(neighbour)
})

afterAll(async () => {
  await host?.close()
})

describe('the disks, in the hands of root in a privileged container', () => {
  it('of the image cannot be written to, and nothing of the host’s changes', async () => {
    const before = await digests(join(host.folder, 'images'))
    expect([...before.keys()].some((name) => name.endsWith('.squashfs'))).toBe(true)
    const { output } = await sh(`exec 2>&1; cat /sys/block/vda/serial; echo; cat /sys/block/vda/ro
      blockdev --setrw /dev/vda; echo 0 > /sys/block/vda/ro
      dd if=/dev/zero of=/dev/vda bs=4096 count=1 conv=notrunc; dd if=/dev/zero of=/dev/vda bs=4096 count=1 seek=1 conv=notrunc; blkdiscard -f /dev/vda; head -c 4 /dev/vda`)
    // Over one pipe, for what comes through two stands in any order.
    expect(output).toMatch(/^image0\n/)
    expect(output).toMatch(/^1$/m)
    expect(output).toMatch(/not permitted|Read-only/)
    expect(output).not.toMatch(/[1-9]\d*\+0 records out/)
    expect(output).toMatch(/^hsqs/m)
    expect(await digests(join(host.folder, 'images'))).toEqual(before)
    await neighbourIsWell()
  })
})

describe('the machine', () => {
  it('tells nothing of the host or of a pod through QEMU’s firmware configuration or its identity tables', async () => {
    const { output } = await sh(`echo ${program(readFirmwareConfiguration).toString('base64')} | base64 -d > /tmp/read; chmod +x /tmp/read; /tmp/read | strings -n 4`)
    // Its signature, and names of its directory: it was read.
    expect(output).toMatch(/^QEMU\n/)
    expect(output).toContain('etc/acpi/tables')
    for (const secret of [...secrets(), '/proc/', '/tmp/', '/home/', '/run/', 'qmp']) expect(output).not.toContain(secret)
    const tables = await sh('cat /sys/class/dmi/id/* /sys/firmware/acpi/tables/* /sys/firmware/qemu_fw_cfg/by_name/*/raw /proc/cmdline 2>/dev/null | strings')
    for (const secret of secrets()) expect(tables.output).not.toContain(secret)
    expect(tables.output).toContain('QEMU')
  })

  it('may read its own memory and load modules into its own kernel at most', async () => {
    const { output } = await sh('head -c 4096 /dev/mem >/dev/null && echo read; dd if=/dev/zero of=/dev/mem bs=1 count=1 seek=4096 conv=notrunc 2>/dev/null; head -c 100 /dev/urandom > /tmp/x.ko; insmod /tmp/x.ko 2>&1; echo 1 > /proc/sys/kernel/sysrq; echo m > /proc/sysrq-trigger; echo done')
    expect(output).toMatch(/insmod.*\n.*done\n$|done\n$/)
    await neighbourIsWell()
    expect((await sh('echo here')).output).toBe('here\n')
  })

  it.each([
    ['a panic of its kernel', 'echo 1 > /proc/sys/kernel/sysrq; echo c > /proc/sysrq-trigger'],
    ['a reset past its kernel', 'echo 1 > /proc/sys/kernel/sysrq; echo b > /proc/sysrq-trigger'],
  ])('%s starts the pod again, and no other', async (_name, script) => {
    await freshAttacker()
    await sh(`(sleep 0.2; ${script}) >/dev/null 2>&1 &`).catch(() => {})
    await startsAgain()
    await neighbourIsWell()
  })
})

describe('the agent’s port', () => {
  const port = 'number=$(cat /sys/class/virtio-ports/vport*/dev | head -1); mknod /tmp/port c $(echo $number | tr : " ")'

  it('is not in a privileged container, and not to be opened beside the agent', async () => {
    expect((await sh('ls /dev | grep vport; grep -l hypernetes.agent /sys/class/virtio-ports/*/name')).output).toMatch(/^\/sys\/class/)
    const { output } = await sh(`${port}; cat /tmp/port; echo lie > /tmp/port; echo done`)
    expect(output).toMatch(/busy/i)
    expect((await sh('echo here')).output).toBe('here\n')
  })

  it('taken from the agent and filled with garbage: the pod alone is started again, and is told why', async () => {
    await freshAttacker()
    // The driver is taken from its device and given back: the agent's end is dead, and the port is free.
    const script = `cd /sys/bus/virtio/drivers/virtio_console; device=$(ls -d virtio* | head -1); echo $device > unbind; echo $device > bind; sleep 0.3; rm -f /tmp/port; ${port}; (while :; do head -c 65536 /dev/urandom; done) > /tmp/port`
    await sh(`(${script}) >/dev/null 2>/tmp/said &`).catch(() => {})
    await startsAgain()
    expect(host.report(attacker)?.containers[0]?.lastEnd?.message ?? '').toMatch(/broke its protocol/)
    await neighbourIsWell()
  })

  it('taken by one who plays the agent: what it lies of is its own pod’s', async () => {
    await freshAttacker()
    const lies = JSON.stringify({ kind: 'event', event: 'containerExited', container: 'web', exitCode: 77, signal: null, oomKilled: false, at: 1e308, terminationMessage: 'a lie' })
    const neighbours = JSON.stringify({ kind: 'event', event: 'containerExited', container: neighbour.uid, exitCode: 1, signal: null, oomKilled: false, at: 0 })
    const play = String.raw`
      open(my $port, '+<', '/tmp/port') or die "port: $!\n"; binmode $port;
      sub frame { my ($json) = @_; return pack('C C n N N', 2, 0, 0, 0, length $json) . $json }
      my $all = join('', map { frame($_) } @ARGV);
      $all .= join('', map { pack('C C n N N', 5, $_, 0, 1, 0) } 1, 2);
      syswrite($port, $all); sleep 1000;
    `
    const script = `cd /sys/bus/virtio/drivers/virtio_console; device=$(ls -d virtio* | head -1); echo $device > unbind; echo $device > bind; sleep 0.3; rm -f /tmp/port; ${port}; exec perl -e "$PLAY" -- "$@"`
    await host.run(attacker, ['env', `PLAY=${play}`, 'sh', '-c', `(sh -c '${script}' -- "$@") >/dev/null 2>&1 &`, '--', neighbours, lies]).catch(() => {})
    await host.until(() => restarts() > 0 || host.report(attacker)?.containers[0]?.exitCode === 77 || host.report(attacker)?.containers[0]?.lastEnd?.exitCode === 77)
    await neighbourIsWell()
  })
})

describe('the disk for writing', () => {
  it('may be written over: the pod’s own files suffer, and no others', async () => {
    const before = await digests(join(host.folder, 'images'))
    await host.run(neighbour, ['sh', '-c', 'echo kept > /kept; sync'])
    await freshAttacker()
    const { output } = await sh('cat /sys/block/vdb/serial; echo; dd if=/dev/urandom of=/dev/vdb bs=65536 count=64 conv=notrunc 2>&1 | tail -1; dd if=/dev/zero of=/dev/vdb bs=512 count=1 seek=100000000 2>&1 | tail -1; sync')
    expect(output).toMatch(/^scratch\n/)
    // In a template's clone the disk looks larger than its file is: nothing is written past the file's end.
    expect((await stat(join(host.folder, 'pods', attacker.uid, 'scratch'))).size).toBe(scratchBytes)
    expect(await digests(join(host.folder, 'images'))).toEqual(before)
    await neighbourIsWell()
    expect((await host.run(neighbour, ['cat', '/kept'])).output).toBe('kept\n')
  })
})
