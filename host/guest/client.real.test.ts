import { once } from 'node:events'
import { createHash } from 'node:crypto'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { encodeFrame, FrameType, maxControlBytes } from '@/contracts/guest/v1/frame'
import { imageSerial } from '@/contracts/guest/v1/machine'
import { GuestClient } from '@/host/guest/client'
import { exitOf, runToEnd, setupRequest, startRequest } from '@/host/guest/testing/requests'
import { startTestMachine, type TestMachine } from '@/host/guest/testing/test-machine'
import { anewOnRetry } from '@/tools/testing/anew'

const { network } = setupRequest()
if (!network) throw new Error('a machine with a network')

let machine: TestMachine
let client: GuestClient

async function execute(name: string, args: string[], input?: string) {
  const session = await client.exec({ container: name, args, env: ['ADDED=yes'], cwd: null, user: null, stdin: input !== undefined, terminal: null })
  session.stdin?.end(input)
  const [out, err, exit] = await Promise.all([text(session.stdout), text(session.stderr), session.exit])
  return { out, err, exitCode: exit.exitCode }
}

const up = async () => {
  machine = await startTestMachine()
  client = await GuestClient.connect(machine.socketPath, { helloTimeoutMs: 120_000 })
  expect(client.hello).toMatchObject({ instance: null, images: [], containers: [] })
  await client.setup(
    setupRequest({
      network: { ...network, ipv6: { address: 'fd00:0:0:1::7', gateway: 'fd00:0:0:1::1' } },
      volumes: [
        { name: 'data', medium: 'scratch', sizeBytes: null },
        { name: 'fast', medium: 'memory', sizeBytes: 1024 * 1024 },
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

describe('containers', () => {
  it('runs one and tells its outputs apart, its exit code and its surroundings', async () => {
    const script = 'hostname; cat /etc/hosts; ip -o addr show eth0 | grep -o "10.9.8.7/24"; ip route | head -1; env; pwd; id; echo "processors $(nproc) of $(cat /sys/devices/system/cpu/possible)"; echo oops >&2; exit 7'
    const result = await runToEnd(client, startRequest('first', ['sh', '-c', script], { env: ['GREETING=hé=llo'], cwd: '/tmp', user: 'app' }))
    expect(result).toMatchObject({ err: 'oops\n', exitCode: 7, signal: null, oomKilled: false })
    for (const part of ['web-0\n', '10.9.8.7 web-0', '10.9.8.7/24', 'default via 10.9.8.1', 'GREETING=hé=llo', '/tmp\n', 'uid=1000(app) gid=1001(app) groups=1001(app),1005(extra)', 'HOME=/home/app', 'processors 1 of 0\n']) {
      expect(result.out).toContain(part)
    }
  })

  it('has the addresses that are routed to it, speaks to the outside from the first, and has them no more', async () => {
    /** Addresses and routes, and where what goes to the outside, into its network and to a peer leaves from. */
    const look = async () => {
      const { out } = await runToEnd(client, startRequest('ip', ['sh', '-c', 'ip -6 address show dev eth0; ip -6 route; for to in 2600::1 fd00:0:0:1::9 fd00:0:0:9::9; do echo "way $(ip -6 route get $to)"; done']))
      return { out, sources: [...out.matchAll(/^way .*src (\S+)/gm)].map(([, source]) => source) }
    }
    const [gateway, own] = ['fe80::1', 'fd00:0:0:1::7']
    expect((await look()).sources).toEqual([own, own, own])
    // What is sent without waiting for the answer is there when a container starts.
    const told = client.setRoutedAddresses({ addresses: ['2001:db8:100::7', '2001:db8:100::8'], gateway, inside: ['fd00:0:0:1::/64', 'fd00:0:0:9::/64'] })
    const { out, sources } = await look()
    await told
    expect(['2001:db8:100::7/128', '2001:db8:100::8/128'].map((one) => out.includes(one))).toEqual([true, true])
    expect(sources).toEqual(['2001:db8:100::7', own, own])
    await client.setRoutedAddresses({ addresses: ['2001:db8:100::9'], gateway, inside: ['fd00:0:0:1::/64'] })
    expect((await look()).sources).toEqual(['2001:db8:100::9', own, '2001:db8:100::9'])
    await client.setRoutedAddresses({ addresses: [], gateway, inside: [] })
    const after = await look()
    expect(after.sources).toEqual([own, own, own])
    expect(after.out).not.toMatch(/2001:db8|fe80::1/)
    await expect(client.setRoutedAddresses({ addresses: ['::1'], gateway: '::', inside: [] })).rejects.toMatchObject({ code: 'NetworkFailed', object: 'eth0' })
    await client.setRoutedAddresses({ addresses: [], gateway, inside: [] })
  })

  it('says which program, folder or user is missing', async () => {
    await expect(client.startContainer(startRequest('bad', ['nosuch']))).rejects.toMatchObject({ code: 'ExecutableNotFound', message: expect.stringContaining('nosuch') })
    await expect(client.startContainer(startRequest('bad', ['/etc/plain']))).rejects.toMatchObject({ code: 'NotExecutable' })
    await expect(client.startContainer(startRequest('bad', ['true'], { cwd: '/etc/plain' }))).rejects.toMatchObject({ code: 'BadWorkingDirectory' })
    await expect(client.startContainer(startRequest('bad', ['true'], { user: 'stranger' }))).rejects.toMatchObject({ code: 'UserNotFound', object: 'stranger' })
    await expect(client.startContainer(startRequest('bad', ['true'], { image: 'other' }))).rejects.toMatchObject({ code: 'NotFound', object: 'other' })
    await expect(client.startContainer(startRequest('bad', ['true'], { mounts: [{ volume: 'none', path: '/x', readOnly: false, subPath: '' }] }))).rejects.toMatchObject({ code: 'NotFound', object: 'none' })
    await expect(client.addImage({ serial: 'image9', key: 'nine' })).rejects.toMatchObject({ code: 'DiskNotFound', object: 'image9' })
    expect((await client.identify()).containers).toEqual([])
  })

  it('mounts volumes, shares them, and bounds those in memory', async () => {
    const mounts = [
      { volume: 'data', path: '/data', readOnly: false, subPath: '' },
      { volume: 'fast', path: '/fast', readOnly: false, subPath: '' },
    ]
    const first = await runToEnd(client, startRequest('writer', ['sh', '-c', 'echo kept > /data/a; dd if=/dev/zero of=/fast/big bs=1M count=2 2>&1 | grep -o "No space"; touch /bin/new && echo writable'], { mounts }))
    expect(first.out).toBe('No space\nwritable\n')
    const readOnly = [{ volume: 'data', path: '/data', readOnly: true, subPath: '' }]
    const second = await runToEnd(client, startRequest('reader', ['sh', '-c', 'cat /data/a; touch /data/b 2>&1 | grep -o "Read-only"; ls /bin/new 2>&1 | grep -o "No such"; touch /x 2>&1 | grep -o "Read-only"'], { mounts: readOnly, readOnlyRoot: true }))
    expect(second.out).toBe('kept\nRead-only\nNo such\nRead-only\n')
  })

  it('tells a kill for want of memory', async () => {
    const result = await runToEnd(client, startRequest('hungry', ['dd', 'if=/dev/zero', 'of=/dev/null', 'bs=64M', 'count=1'], { memoryBytes: 16 * 1024 * 1024 }))
    expect(result).toMatchObject({ oomKilled: true, exitCode: 137, signal: 9 })
  })

  it('hands input through in order and blocks a flood that nobody reads', async () => {
    const exit = exitOf(client, 'pipe')
    const { stdin, stdout, stderr } = await client.startContainer(startRequest('pipe', ['md5sum'], { stdin: true }))
    stderr.resume()
    for (let round = 0; round < 40; round += 1) stdin?.write(Buffer.alloc(50_000, round))
    stdin?.end()
    const hash = createHash('md5')
    for (let round = 0; round < 40; round += 1) hash.update(Buffer.alloc(50_000, round))
    expect(await text(stdout)).toBe(`${hash.digest('hex')}  -\n`)
    expect((await exit).exitCode).toBe(0)
    await client.removeContainer('pipe')
  })
})

describe('a long-running container', () => {
  const startMain = async () => {
    const { stdout, stderr } = await client.startContainer(startRequest('main', ['sh', '-c', 'trap "exit 3" TERM; echo up; while :; do sleep 0.1; done'], { cpuMillis: 500, memoryBytes: 32 * 1024 * 1024 }))
    stderr.resume()
    expect(String((await stdout[Symbol.asyncIterator]().next()).value)).toBe('up\n')
  }
  beforeAll(startMain)
  anewOnRetry(() => {}, startMain)

  it('takes commands beside its own process', async () => {
    expect(await execute('main', ['sh', '-c', 'cat; echo $ADDED $HOSTNAME; echo err >&2; exit 5'], 'typed')).toEqual({ out: 'typedyes web-0\n', err: 'err\n', exitCode: 5 })
    await expect(execute('main', ['nosuch'])).rejects.toMatchObject({ code: 'ExecutableNotFound' })
    await expect(execute('gone', ['true'])).rejects.toMatchObject({ code: 'NotFound', object: 'gone' })
  })

  it('reports what it uses', async () => {
    const { vm, containers } = await client.stats()
    expect(vm.memoryTotalBytes).toBeGreaterThan(64 * 1024 * 1024)
    expect(containers).toHaveLength(1)
    expect(containers[0]).toMatchObject({ container: 'main', oomKills: 0 })
    expect(containers[0]?.memoryBytes).toBeGreaterThan(0)
    expect(containers[0]?.processes).toBeGreaterThan(0)
  })

  it('gives a terminal that can change its size', async () => {
    const session = await client.exec({ container: 'main', args: ['sh'], env: [], cwd: '/tmp', user: 'app', stdin: true, terminal: { columns: 90, rows: 30 } })
    let screen = ''
    session.stdout.on('data', (chunk: Buffer) => (screen += chunk.toString()))
    const shows = async (part: RegExp) => {
      while (!part.test(screen)) await new Promise((resolve) => session.stdout.once('data', resolve))
    }
    session.stdin?.write('stty size; tty; id -un; pwd; echo $TERM\n')
    await shows(/30 90\r\n\/dev\/pts\/\d\r\napp\r\n\/tmp\r\nxterm\r\n/)
    await session.resize(100, 40)
    session.stdin?.write('until [ "$(stty size)" = "40 100" ]; do sleep 0.1; done; echo res"ized"\n')
    await shows(/resized\r\n/)
    session.stdin?.write('echo be"gi"n; sleep 1000\n')
    await shows(/begin\r\n/)
    // An interrupt goes to whoever is in the foreground: one that comes before the shell has put sleep there ends
    // nothing, so it is typed again until the prompt is back.
    const interrupts = setInterval(() => session.stdin?.write('\x03'), 500)
    await shows(/\^C\r\n.*[$#] /)
    clearInterval(interrupts)
    session.stdin?.write('exit 9\n')
    expect(await session.exit).toEqual({ exitCode: 9, signal: null })
  })

  it('goes on without a host, and another one finds it again', async () => {
    const { stdout } = await client.startContainer(startRequest('chatty', ['sh', '-c', 'echo first; cat; echo last'], { stdin: true }))
    const reader = stdout[Symbol.asyncIterator]()
    expect(String((await reader.next()).value)).toBe('first\n')
    // What a reader took is credited when it asks for more.
    const next = reader.next()
    await client.ping()
    client.close()
    await expect(next).rejects.toThrow('the connection was closed')
    client = await GuestClient.connect(machine.socketPath)
    expect(client.hello).toMatchObject({ instance: 'pod-1', images: ['busybox'] })
    expect(client.hello.containers.map(({ container: name, exited: end }) => [name, end])).toEqual([
      ['main', null],
      ['chatty', null],
    ])
    const end = exitOf(client, 'chatty')
    const again = client.containerStreams('chatty')
    again?.stdin?.end('between\n')
    expect(again && (await text(again.stdout))).toBe('between\nlast\n')
    expect((await end).exitCode).toBe(0)
    await client.removeContainer('chatty')
  })

  it('that floods is held back by who does not read, and harms nobody else', async () => {
    const { stdout } = await client.startContainer(startRequest('flood', ['yes', 'flood']))
    let bytes = 0
    for await (const chunk of stdout) {
      if (!Buffer.isBuffer(chunk)) throw new Error('not bytes')
      bytes += chunk.length
      if (bytes > 4 * 1024 * 1024) break
    }
    const { stdout: unread } = await client.startContainer(startRequest('flood-2', ['yes', 'flood']))
    await new Promise((resolve) => unread.once('readable', resolve))
    expect((await execute('main', ['echo', 'alive'])).out).toBe('alive\n')
    const { vm } = await client.stats()
    expect(vm.memoryAvailableBytes).toBeGreaterThan(32 * 1024 * 1024)
    await client.removeContainer('flood')
    await client.removeContainer('flood-2')
  })

  it('keeps the end of what it wrote while no host was there, and says how much is lost', async () => {
    await client.startContainer(startRequest('counter', ['seq', '1', '200000']))
    do {
      client.close()
      // It only goes on while nobody is there, so looking must leave it alone in between.
      await new Promise((resolve) => setTimeout(resolve, 200))
      client = await GuestClient.connect(machine.socketPath)
    } while (!client.hello.containers.find((state) => state.container === 'counter')?.exited)
    const stdout = client.containerStreams('counter')?.stdout
    if (!stdout) throw new Error('the container is gone')
    const kept = await text(stdout)
    expect(kept.endsWith('199999\n200000\n')).toBe(true)
    expect(stdout.lostBytes).toBeGreaterThan(0)
    expect(stdout.lostBytes + kept.length).toBe(1_288_895)
    await client.removeContainer('counter')
  })

  it('is found again by a host that comes after one that was cut in the middle of a frame', async () => {
    client.close()
    const socket = connect(machine.socketPath)
    const nonces = [Buffer.alloc(16, 1), Buffer.alloc(16, 2)] as const
    const unfinished = encodeFrame(FrameType.control, 0, 0, Buffer.alloc(maxControlBytes, 0x20)).subarray(0, 5000)
    const frames = [encodeFrame(FrameType.attach, 0, 0, nonces[0]), unfinished, Buffer.alloc(maxControlBytes), encodeFrame(FrameType.attach, 0, 0, nonces[1])]
    socket.write(Buffer.concat(frames))
    let seen = Buffer.alloc(0)
    for await (const chunk of socket) {
      if (!Buffer.isBuffer(chunk)) throw new Error('not bytes')
      seen = Buffer.concat([seen, chunk])
      if (seen.includes(nonces[1])) break
    }
    socket.destroy()
    client = await GuestClient.connect(machine.socketPath)
    expect(client.hello.containers.map((state) => state.container)).toEqual(['main'])
  })

  it('lets a command end whose children hold its output open', async () => {
    expect(await execute('main', ['sh', '-c', 'sleep 1000 & echo done'])).toEqual({ out: 'done\n', err: '', exitCode: 0 })
    const long = await execute('main', ['sh', '-c', 'seq 1 100000; echo end >&2'])
    expect(long.out.length).toBe(588_895)
    expect(long.err).toBe('end\n')
  })

  it('may have a terminal of its own', async () => {
    const exit = exitOf(client, 'console')
    const { stdin, stdout, stderr } = await client.startContainer(startRequest('console', ['sh', '-c', 'stty size; read line; echo "<$line>"; until [ "$(stty size)" = "21 71" ]; do sleep 0.1; done; exit 4'], { stdin: true, terminal: { columns: 70, rows: 20 } }))
    let screen = ''
    stdout.on('data', (shown) => (screen += String(shown)))
    const over = once(stdout, 'end')
    expect(await text(stderr)).toBe('')
    // What it was given at first is asked before it changes.
    await expect.poll(() => screen).toContain('\n')
    await client.resizeContainer('console', 71, 21)
    stdin?.write('hello\n')
    await over
    expect(screen).toMatch(/^20 70\r\n(hello\r\n)?<hello>\r\n$/)
    expect((await exit).exitCode).toBe(4)
    await client.removeContainer('console')
  })

  it('ends on a signal with its own exit code', async () => {
    const exit = exitOf(client, 'main')
    client.containerStreams('main')?.stdout.resume()
    await client.signalContainer('main', 'TERM')
    expect(await exit).toMatchObject({ exitCode: 3, signal: null, oomKilled: false })
    await expect(execute('main', ['true'])).rejects.toMatchObject({ code: 'Conflict' })
    await client.removeContainer('main')
    expect((await client.identify()).containers).toEqual([])
  })
})

describe('the machine', () => {
  it('switches itself off when asked', async () => {
    await client.startContainer(startRequest('last', ['sleep', '1000']))
    await client.shutdown(100)
    await machine.ended
    expect(await machine.console()).toMatch(/^\[[ \d.]+\] reboot: Power down\s*$/)
  })
})
