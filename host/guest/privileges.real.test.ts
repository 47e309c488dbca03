import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { imageSerial } from '@/contracts/guest/v1/machine'
import type { StartContainerParams } from '@/contracts/guest/v1/requests'
import { GuestClient } from '@/host/guest/client'
import { execute, exitOf, runToEnd, setupRequest, startRequest } from '@/host/guest/testing/requests'
import { startTestMachine, type TestMachine } from '@/host/guest/testing/test-machine'
import { anewOnRetry } from '@/tools/testing/anew'

let machine: TestMachine
let client: GuestClient
const refusals: unknown[] = []

const shell = (script: string, more: Partial<StartContainerParams> = {}) => runToEnd(client, startRequest('probe', ['sh', '-c', script], more))
const status = 'grep -E "^(CapBnd|CapEff|NoNewPrivs|Seccomp):" /proc/self/status | tr -d "\\t"'

const up = async () => {
  machine = await startTestMachine()
  client = await GuestClient.connect(machine.socketPath, { helloTimeoutMs: 120_000 })
  const refused = [
    { name: 'net.core.nosuch', value: '1' },
    { name: 'kernel.shmmax', value: 'many' },
    { name: 'net/../../etc/x', value: '1' },
    { name: 'kernel.core_pattern', value: '|/bin/sh' },
    { name: 'kernel.modprobe', value: '/bin/sh' },
  ]
  refusals.length = 0
  for (const sysctl of refused) refusals.push(await client.setup(setupRequest({ sysctls: [sysctl] })).catch((error: unknown) => error))
  const sysctls = [
    { name: 'net.core.somaxconn', value: '777' },
    { name: 'net/ipv4/tcp_keepalive_time', value: '61' },
    { name: 'kernel.msgmax', value: '4321' },
    { name: 'net.ipv4.conf.eth0.forwarding', value: '1' },
    { name: 'vm.max_map_count', value: '262144' },
  ]
  await client.setup(
    setupRequest({
      sysctls,
      fsGroup: 2000,
      volumes: [
        { name: 'data', medium: 'scratch', sizeBytes: null },
        { name: 'fast', medium: 'memory', sizeBytes: 1024 * 1024 },
        { name: 'unbounded', medium: 'memory', sizeBytes: null },
      ],
    }),
  )
  await client.addImage({ serial: imageSerial(0), key: 'busybox' })
}

const down = async () => {
  client?.close()
  await machine?.stop()
}

beforeAll(up)
anewOnRetry(down, up)
afterAll(down)

describe('a container', () => {
  it('has its pod’s sysctls; those the kernel refuses, and those that name programs, are told by name', async () => {
    const names = ['net.core.nosuch', 'kernel.shmmax', 'net/../../etc/x', 'kernel.core_pattern', 'kernel.modprobe']
    expect(refusals).toEqual(names.map((name) => expect.objectContaining({ code: 'InvalidRequest', object: name }) as unknown))
    const { out } = await shell('cat /proc/sys/net/core/somaxconn /proc/sys/net/ipv4/tcp_keepalive_time /proc/sys/kernel/msgmax /proc/sys/net/ipv4/conf/eth0/forwarding /proc/sys/vm/max_map_count')
    expect(out).toBe('777\n61\n4321\n1\n262144\n')
  })

  it('has the capabilities of container runtimes, more or less as asked, and none at first for a user other than root', async () => {
    expect((await shell(status)).out).toBe('CapEff:00000000a80425fb\nCapBnd:00000000a80425fb\nNoNewPrivs:0\nSeccomp:0\n')
    const changed = await shell(status, { capabilities: { add: ['NET_ADMIN', 'CAP_SYS_TIME'], drop: ['ALL'] }, noNewPrivileges: true })
    expect(changed.out).toBe('CapEff:0000000002001000\nCapBnd:0000000002001000\nNoNewPrivs:1\nSeccomp:0\n')
    expect((await shell(status, { user: 'app' })).out).toContain('CapEff:0000000000000000\nCapBnd:00000000a80425fb')
    await expect(client.startContainer(startRequest('bad', ['true'], { capabilities: { add: ['NET_ADMINS'], drop: [] } }))).rejects.toMatchObject({ code: 'InvalidRequest', object: 'NET_ADMINS' })
  })

  it('with the default profile cannot make namespaces, keys or mounts, whatever it may', async () => {
    const script = `${status}; unshare -U true; mount -t tmpfs x /tmp; echo done; date -s @1990000000 >/dev/null; ls / >/dev/null && echo works; sh -c "sleep 0" & wait; echo $?`
    const { out, err } = await shell(script, { seccomp: 'default', capabilities: { add: ['SYS_TIME'], drop: [] } })
    expect(out).toContain('Seccomp:2\ndone\nworks\n0\n')
    expect(err).toMatch(/unshare.*Operation not permitted\n.*mount.*(Operation not permitted|permission denied)/)
    expect(err).not.toContain('date:')
    const free = await shell('unshare -U true && echo made', {})
    expect(free.out).toBe('made\n')
  })

  it('that is privileged has all of its machine', async () => {
    const script = `${status}; echo 778 >/proc/sys/net/core/somaxconn && cat /proc/sys/net/core/somaxconn; mount -t tmpfs x /tmp && echo mounted; ls -l /dev/vda; head -c 4 /dev/vda; mkdir /sys/fs/cgroup/x && echo cgroup; ls /proc/kcore`
    const { out, err } = await shell(script, { privileged: true, seccomp: 'default' })
    expect(err).toBe('')
    expect(out).toMatch(/CapEff:000001ffffffffff\nCapBnd:000001ffffffffff\nNoNewPrivs:0\nSeccomp:0\n778\nmounted\nbrw.*254, +0 .*\/dev\/vda\nhsqscgroup\n\/proc\/kcore\n/)
    const plain = await shell('echo 1 >/proc/sys/net/core/somaxconn; cat /dev/vda; ls /dev; head -c 1 /proc/kcore | wc -c')
    expect(plain.err).toMatch(/Read-only file system[^]*\/dev\/vda/)
    expect(plain.out).toMatch(/\n0\n$/)
  })

  it('owns volumes by its pod’s group, and shares /dev/shm and semaphores with its siblings', async () => {
    const mounts = ['data', 'fast'].map((volume) => ({ volume, path: `/${volume}`, readOnly: false, subPath: '' }))
    const user = { runAsUser: 1234, runAsGroup: 1234, supplementalGroups: [3000], mounts }
    const first = await shell('id -G; for v in /data /fast; do ls -ldn $v | cut -c1-30; echo a >$v/a; ls -ln $v/a | cut -c1-30; done; echo shared >/dev/shm/x; umask', user)
    expect(first).toMatchObject({ err: '' })
    expect(first.out.replaceAll(/ +/g, ' ')).toMatch(/^1234 2000 3000\ndrwxrwsrwx \d 0 2000.*\n-rw-r--r-- 1 1234 2000.*\ndrwxrwsrwx \d 0 2000.*\n-rw-r--r-- 1 1234 2000.*\n0022\n$/)
    const second = await shell('cat /dev/shm/x; rm /data/a && echo removed; df -k /unbounded | tail -1', { ...user, runAsUser: 4321, mounts: [...mounts, { volume: 'unbounded', path: '/unbounded', readOnly: false, subPath: '' }] })
    expect(second.out).toMatch(/^shared\nremoved\n/)
    const half = Number(/ (\d+) /.exec(second.out)?.[1])
    expect(half).toBeGreaterThan(10_000)
    expect(half).toBeLessThan(64 * 1024)
  })

  it('tells the end of its termination log', async () => {
    const end = await shell('echo "the disk is full" >/dev/termination-log; exit 3', { terminationMessagePath: '/dev/termination-log', runAsUser: 1000 })
    expect(end).toMatchObject({ exitCode: 3, terminationMessage: 'the disk is full\n' })
    const long = await shell('for i in $(seq 1 2000); do echo "€ $i"; done >/var/own/log', { terminationMessagePath: '/var/own/log', readOnlyRoot: true })
    expect(long.terminationMessage).toMatch(/€ 1999\n€ 2000\n$/)
    expect(Buffer.byteLength(long.terminationMessage ?? '')).toBeLessThanOrEqual(4096)
    expect(Buffer.byteLength(long.terminationMessage ?? '')).toBeGreaterThan(4090)
    expect((await shell('true', { terminationMessagePath: '/dev/termination-log' })).terminationMessage).toBe('')
  })

  it('is told from its child when memory runs out, with a terminal or without', async () => {
    const memoryBytes = 16 * 1024 * 1024
    const hungry = 'dd if=/dev/zero of=/dev/null bs=64M count=1'
    expect(await shell(hungry, { memoryBytes })).toMatchObject({ oomKilled: true, exitCode: 137, signal: 9 })
    expect(await shell(hungry, { memoryBytes, terminal: { columns: 80, rows: 24 } })).toMatchObject({ oomKilled: true, exitCode: 137 })
    // A cgroup of its own below the container's, whose members are killed one by one.
    const survives = await shell('mkdir /sys/fs/cgroup/in; (echo 0 >/sys/fs/cgroup/in/cgroup.procs; sh -c "kill -9 \\$\\$"); echo "child $?"; exit 5', { memoryBytes, privileged: true })
    expect(survives).toMatchObject({ oomKilled: false, exitCode: 5, out: 'child 137\n' })
    const killed = exitOf(client, 'killed')
    await client.startContainer(startRequest('killed', ['sleep', '1000']))
    await client.signalContainer('killed', 'KILL')
    expect(await killed).toMatchObject({ oomKilled: false, exitCode: 137, signal: 9 })
    await client.removeContainer('killed')
  })

  it('starts beside eleven others in one machine', async () => {
    const names = Array.from({ length: 12 }, (_, index) => `many-${index}`)
    const started = await Promise.all(names.map((name) => client.startContainer(startRequest(name, ['sleep', '1000'], { memoryBytes: 8 << 20, cpuMillis: 100 }))))
    expect(new Set(started.map(({ pid }) => pid)).size).toBe(12)
    expect((await execute(client, 'many-11', ['hostname'])).out).toBe('web-0\n')
    expect((await client.stats()).containers).toHaveLength(12)
    await Promise.all(names.map((name) => client.removeContainer(name)))
    expect((await client.identify()).containers).toEqual([])
  })
})
