import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { imageSerial } from '@/contracts/guest/v1/machine'
import { GuestClient } from '@/host/guest/client'
import { copiesOf, entriesOf, tarOf } from '@/host/guest/testing/copies'
import { execute, exitOf, runToEnd, setupRequest, startRequest } from '@/host/guest/testing/requests'
import { startTestMachine, type TestMachine } from '@/host/guest/testing/test-machine'
import { ConnectedGuest } from '@/host/pods/adapters/guest'

let machine: TestMachine
let client: GuestClient
let guest: ConnectedGuest

const base64 = (content: string | Buffer) => Buffer.from(content).toString('base64')
const file = (path: string, content: string | Buffer, mode = 0o644) => ({ path, mode, contentBase64: base64(content) })
const mount = (volume: string, path: string, subPath = '') => ({ volume, path, readOnly: false, subPath })

beforeAll(async () => {
  machine = await startTestMachine()
  client = await GuestClient.connect(machine.socketPath, { helloTimeoutMs: 120_000 })
  guest = new ConnectedGuest(client)
  await client.setup(setupRequest({ volumes: ['data', 'config', 'large'].map((name) => ({ name, medium: name === 'data' ? ('scratch' as const) : ('files' as const), sizeBytes: null })) }))
  await client.addImage({ serial: imageSerial(0), key: 'busybox' })
  const { stdout, stderr } = await client.startContainer(
    startRequest('main', ['sh', '-c', 'nc -ll -p 7001 -e cat & /bin/busybox httpd -p 10.9.8.7:7002 -h /etc & sleep 100000'], { mounts: [mount('data', '/data'), mount('config', '/config'), mount('large', '/large')] }),
  )
  stdout.resume()
  stderr.resume()
})

afterAll(async () => {
  client?.close()
  await machine?.stop()
})

const run = async (script: string) => (await execute(client, 'main', ['sh', '-c', script])).out

describe('a volume of configuration', () => {
  it('gets its files at once, and others in their place', async () => {
    await guest.writeFiles('config', '1', [file('app.conf', 'one', 0o600), file('sub/deep/x', 'deep'), file('only-1', ''), file('app.conf_tmp', 'not in the way')])
    expect(await run('cd /config; cat app.conf sub/deep/x; stat -L -c "%a %u" app.conf; readlink app.conf; readlink ..data; touch x 2>&1; rm -rf /config/..data 2>&1')).toMatch(
      /^onedeep600 0\n\.\.data\/app\.conf\n\.\.version_1\ntouch: x: Read-only file system\nrm: .*Read-only file system\n/,
    )
    // As one who watches it: at no moment is a name missing or empty.
    const watcher = execute(client, 'main', ['sh', '-c', 'n=0; until grep -q three /config/app.conf; do c=$(cat /config/app.conf) || echo gone; [ -n "$c" ] || echo empty; done; echo over'])
    await guest.writeFiles('config', '2', [file('app.conf', 'two'), file('new', 'new')])
    await guest.writeFiles('config', '3', [file('app.conf', 'three')])
    expect(await watcher).toEqual({ out: 'over\n', err: '', exitCode: 0 })
    expect(await run('ls -A /config')).toBe('..data\n..version_3\napp.conf\n')
    // A request that comes again changes nothing.
    await guest.writeFiles('config', '3', [file('app.conf', 'another')])
    expect(await run('cat /config/app.conf')).toBe('three')
  })

  it('takes as many and as large files as Kubernetes allows, in several requests', async () => {
    const blob = Buffer.alloc(500_000, 'binary \0 content ')
    const files = [file('a', blob), file('b', blob), ...Array.from({ length: 1500 }, (_, index) => file(`many/${index}`, `${index}`))]
    const began = Date.now()
    await guest.writeFiles('large', 'big', files)
    expect(Date.now() - began).toBeLessThan(100_000)
    expect(await run('cmp /large/a /large/b; wc -c </large/a; ls /large/many | wc -l; cat /large/many/1499')).toBe('500000\n1500\n1499')
    // One value of a ConfigMap may be all of its 1 MiB, which no single request holds.
    await guest.writeFiles('large', 'one', [file('before', 'b'), file('whole', Buffer.alloc(1 << 20, 'no multiple of 3')), file('after', 'a')])
    expect(await run('cd /large; ls; md5sum <whole; cat before after')).toBe(`after\nbefore\nwhole\n${createHash('md5').update(Buffer.alloc(1 << 20, 'no multiple of 3')).digest('hex')}  -\nba`)
    await guest.writeFiles('large', 'none', [])
    expect(await run('ls -A /large')).toBe('..data\n..version_none\n')
  })

  it('refuses what is no name below it, and other volumes take no files', async () => {
    for (const path of ['../x', '/etc/passwd', '..data', 'a/../../x', '']) {
      await expect(guest.writeFiles('config', '9', [file(path, 'x')]), path).rejects.toMatchObject({ code: 'InvalidRequest' })
    }
    await expect(guest.writeFiles('data', '1', [file('a', 'x')])).rejects.toMatchObject({ code: 'InvalidRequest' })
    await expect(guest.writeFiles('none', '1', [file('a', 'x')])).rejects.toMatchObject({ code: 'NotFound' })
  })
})

describe('a subPath', () => {
  it('is made where it is missing, and shows one file or folder of a volume', async () => {
    const mounts = [mount('data', '/logs', 'logs/web'), mount('config', '/etc/app.conf', 'app.conf')]
    const first = await runToEnd(client, startRequest('sub', ['sh', '-c', 'cat /etc/app.conf; echo hi >/logs/a; touch /etc/app.conf'], { mounts, user: 'app' }))
    expect(first).toMatchObject({ out: 'three', err: 'touch: /etc/app.conf: Read-only file system\n' })
    expect(await run('cat /data/logs/web/a')).toBe('hi\n')
  })

  it('never leads out of its volume, whatever links a container puts there', async () => {
    await run('ln -s / /data/root; ln -s /etc/passwd /data/secret; ln -s ../../../etc /data/up; ln -s logs /data/inside')
    const refused = async (subPath: string, code = 'InvalidRequest') => {
      await expect(client.startContainer(startRequest('bad', ['true'], { mounts: [mount('data', '/m', subPath)] })), subPath).rejects.toMatchObject({ code, object: subPath })
    }
    for (const subPath of ['root', 'root/etc', 'secret', 'up', 'up/new', 'root/run/pod', '../x', '/etc', 'logs/../../x']) await refused(subPath)
    await expect(client.startContainer(startRequest('bad', ['true'], { mounts: [mount('config', '/m', 'missing')] }))).rejects.toMatchObject({ code: 'NotFound', object: 'missing' })
    const inside = await runToEnd(client, startRequest('sub', ['cat', '/m/a'], { mounts: [mount('data', '/m', 'inside/web')] }))
    expect(inside.out).toBe('hi\n')
  })
})

describe('a tunnel', () => {
  it('carries bytes both ways and ends in halves', async () => {
    const tunnel = await guest.openTunnel(7001, 60_000)
    const sent = Buffer.alloc(3_000_000, 'some bytes ')
    const back = (async () => {
      let bytes = 0
      for await (const chunk of tunnel) bytes += (chunk as Buffer).length
      return bytes
    })()
    tunnel.end(sent)
    expect(await back).toBe(sent.length)
    const page = await guest.openTunnel(7002, 60_000)
    page.end('GET /plain HTTP/1.0\r\n\r\n')
    expect(await text(page)).toMatch(/^HTTP\/1[^]*\r\n\r\nnot a program\n$/)
  })

  it('is refused where nothing listens, at once', async () => {
    await expect(guest.openTunnel(7999, 5000)).rejects.toMatchObject({ code: 'ConnectionRefused', message: 'nothing listens on port 7999 of the pod' })
  })

  it('is one of many, and leaves nothing when it is destroyed', async () => {
    const many = await Promise.all(Array.from({ length: 30 }, () => guest.openTunnel(7001, 60_000)))
    for (const [index, tunnel] of many.entries()) tunnel.write(`${index}\n`)
    const answers = await Promise.all(many.map(async (tunnel) => String((await once(tunnel, 'data'))[0])))
    expect(answers).toEqual(many.map((_, index) => `${index}\n`))
    for (const tunnel of many) tunnel.destroy()
    await expect.poll(() => run('cat /proc/net/tcp | grep -c " 01 "')).toBe('0\n')
  })
})

describe('a copy', () => {
  const { copyIn, copyOut } = copiesOf(() => guest)
  const long = `${'long/'.repeat(30)}name.txt`

  it('goes in and comes out the same: owner, mode, time, long names', async () => {
    const put = await copyIn('main', '/data/new/folder', tarOf([
      { name: 'plain', content: 'hello', mode: 0o751, uid: 1000, gid: 1001 },
      { name: long, content: 'far' },
      { name: 'link', type: 'symlink', linkName: 'plain' },
      { name: 'empty/', type: 'directory', mode: 0o700 },
    ]))
    expect(put).toEqual({ messages: '', exitCode: 0 })
    expect(await run('cd /data/new/folder; stat -c "%a %u %g %Y" plain empty; cat link; cat long/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/name.txt')).toBe('751 1000 1001 1000000000\n700 0 0 1000000000\nhellofar')
    const { tar, messages, exitCode } = await copyOut('main', '/data/new/folder')
    expect({ messages, exitCode }).toEqual({ messages: '', exitCode: 0 })
    const entries = await entriesOf(tar)
    expect(entries).toContainEqual({ name: 'folder/plain', type: 'file', mode: 0o751, uid: 1000, gid: 1001, mtime: 1_000_000_000, content: 'hello' })
    expect(entries).toContainEqual(expect.objectContaining({ name: `folder/${long}`, content: 'far' }))
    expect(entries).toContainEqual(expect.objectContaining({ name: 'folder/link', type: 'symlink' }))
    const one = await entriesOf((await copyOut('main', '/data/new/folder/link')).tar)
    expect(one).toMatchObject([{ name: 'plain', content: 'hello' }])
    expect((await entriesOf((await copyOut('main', '/config/app.conf')).tar))[0]).toMatchObject({ name: 'app.conf', content: 'three' })
    const whole = (await entriesOf((await copyOut('main', '/')).tar)).map(({ name }) => name)
    expect(whole).toEqual(expect.arrayContaining(['./etc/passwd', './data/new/folder/plain']))
    expect(whole.filter((name) => /^\.\/(proc|sys|dev)\/./.test(name))).toEqual([])
  })

  it('needs no program of the container, and reads and writes as its root', async () => {
    onTestFinished(() => client.removeContainer('bare'))
    const { stdout, stderr } = await client.startContainer(startRequest('bare', ['/bin/busybox', 'sh', '-c', 'cd /bin; echo "#!/bin/busybox sh" >evil; echo "echo evil; exit 1" >>evil; busybox chmod 755 evil; for a in *; do case $a in busybox|evil) ;; *) busybox rm $a; busybox cp evil $a ;; esac; done; exec busybox sleep 10000'], { capabilities: { add: [], drop: ['ALL'] }, noNewPrivileges: true, seccomp: 'default' }))
    stdout.resume()
    stderr.resume()
    await copyIn('main', '/data', tarOf([{ name: 'private', content: 'secret', mode: 0o600 }]))
    await expect.poll(async () => (await execute(client, 'bare', ['/bin/wc'])).out).toBe('evil\n')
    expect(await copyIn('bare', '/opt/x', tarOf([{ name: 'a', content: 'A', uid: 77, mode: 0o4755 }]))).toEqual({ messages: '', exitCode: 0 })
    expect(await entriesOf((await copyOut('bare', '/opt/x/a')).tar)).toMatchObject([{ name: 'a', mode: 0o4755, uid: 77, content: 'A' }])
  })

  it('says what is missing, what is read-only, and what is no archive', async () => {
    expect(await copyOut('main', '/no/such')).toMatchObject({ messages: '/no/such: there is no such file or folder in the container\n', exitCode: 2 })
    expect(await copyIn('main', '/config', tarOf([{ name: 'x', content: 'x' }]))).toMatchObject({ messages: expect.stringContaining('Read-only file system'), exitCode: 1 })
    expect(await copyIn('main', '/config/sub/new', tarOf([{ name: 'x', content: 'x' }]))).toMatchObject({ messages: expect.stringContaining('Read-only file system'), exitCode: 2 })
    expect((await copyIn('main', '/data/z', Buffer.alloc(4096, 'no tar'))).exitCode).toBe(1)
    expect((await copyIn('main', '/data/z', tarOf([{ name: 'cut', content: 'x'.repeat(5000) }]).subarray(0, 2000))).exitCode).toBe(1)
    await expect(copyOut('gone', '/')).rejects.toMatchObject({ code: 'NotFound' })
  })

  it('never leads out of the container, nor upwards', async () => {
    await run('ln -s /proc/1/root/../../.. /data/escape; ln -s ../../../../../../../../libexec /data/agent')
    // Both lead somewhere in the container, where nothing of the guest's own is.
    expect((await copyOut('main', '/data/agent')).exitCode).toBe(2)
    expect((await copyOut('main', '/data/escape/libexec/agent.js')).exitCode).toBe(2)
    expect((await copyOut('main', '/../../libexec/agent.js')).exitCode).toBe(2)
    const evil = tarOf([
      { name: '../../up', content: 'x' },
      { name: 'abs', type: 'symlink', linkName: '/etc' },
      { name: 'abs/through', content: 'x' },
    ])
    await copyIn('main', '/data/evil', evil)
    expect(await run('ls /up /data/up2 /etc/through 2>/dev/null')).toBe('')
  })
})

describe('commands', () => {
  it('are ended with all that they started', async () => {
    const session = await client.exec({ container: 'main', args: ['sh', '-c', 'sleep 4321 & (unshare -m sleep 4321 &) ; echo up; sleep 4321'], env: [], cwd: null, user: null, stdin: false, terminal: null })
    await once(session.stdout, 'data')
    expect(await run('ps | grep -c "[s]leep 4321"')).not.toBe('0\n')
    await session.signal('KILL')
    expect(await session.exit).toEqual({ exitCode: 137, signal: 9 })
    await expect.poll(() => run('ps | grep -c "[s]leep 4321"')).toBe('0\n')
  })

  it('leave nothing behind, however many there are', async () => {
    const left = async () => (await client.stats()).containers.find(({ container }) => container === 'main')?.processes
    const before = await left()
    const children = new Set<number>()
    for (let round = 0; round < 5; round += 1) {
      const ends = await Promise.all(Array.from({ length: 8 }, () => execute(client, 'main', ['true'])))
      expect(ends.every(({ exitCode }) => exitCode === 0)).toBe(true)
    }
    expect(children.size).toBe(0)
    await expect.poll(left).toBe(before)
    // Their cgroups are gone, as the container sees them.
    await expect.poll(() => run('ls -d /sys/fs/cgroup/exec-* | wc -l')).toBe('1\n')
  })
})

describe('the list of a folder', () => {
  const list = (path: string, after: string | null = null, limit = 1000) => guest.listFolder({ container: 'main', path, after, limit })

  it('tells what is there as the container sees it, in pages', async () => {
    await run('mkdir -p /data/list/sub; cd /data/list; echo hi >a; chmod 4750 a; ln -s /etc/passwd link; mkfifo pipe; ln -s ../../../../../etc up; touch "ü x"; ln -s /data/list /shortcut')
    const first = await list('/shortcut', null, 4)
    expect(first).toMatchObject({ more: true, entries: [{ name: 'a', type: 'file', size: 3, mode: 0o4750, target: null }, { name: 'link', type: 'link', target: '/etc/passwd' }, { name: 'pipe', type: 'other' }, { name: 'sub', type: 'folder' }] })
    expect(first.entries[0]?.modifiedAt).toBeGreaterThan(0)
    expect(await list('/shortcut', 'sub')).toMatchObject({ more: false, entries: [{ name: 'up' }, { name: 'ü x' }] })
    // Above the root is the container's root, never the guest's.
    const names = async (path: string) => (await list(path)).entries.map(({ name }) => name)
    expect(await names('/data/list/up')).toEqual(await names('/etc'))
    expect(await names('/../../etc')).toContain('passwd')
    expect(await names('/proc/1/root/data/list')).toContain('ü x')
  })

  it('says what is no folder, and follows no endless link', async () => {
    await run('ln -s loop /data/loop')
    await expect(list('/data/list/a')).rejects.toMatchObject({ code: 'InvalidRequest' })
    await expect(list('/data/list/none')).rejects.toMatchObject({ code: 'NotFound' })
    await expect(list('/data/loop')).rejects.toMatchObject({ code: 'NotFound', message: expect.stringContaining('too many symbolic links') })
  })

  it('of very many files comes in answers of a bounded size', async () => {
    await run('mkdir /data/many; cd /data/many; seq -f "%06g-a-name-of-some-length" 1 3000 2>/dev/null | xargs touch || { i=0; while [ $i -lt 3000 ]; do : >"$i"; i=$((i+1)); done; }')
    let after: string | null = null
    let count = 0
    for (let more = true; more; ) {
      const page: Awaited<ReturnType<typeof list>> = await list('/data/many', after)
      expect(page.entries.length).toBeLessThanOrEqual(1000)
      count += page.entries.length
      ;({ more } = page)
      after = page.entries.at(-1)?.name ?? null
    }
    expect(count).toBe(3000)
  })
})

describe('figures', () => {
  it('tell disks, network, and what layers and volumes take', async () => {
    await run('dd if=/dev/zero of=/data/zeros bs=1M count=5 2>/dev/null; dd if=/dev/zero of=/layer bs=1M count=3 2>/dev/null; sync')
    const quick = await client.stats()
    expect(quick.volumes).toBeUndefined()
    expect(quick.containers[0]).toMatchObject({ container: 'main', oomKills: 0 })
    expect(quick.containers[0]?.writtenBytes).toBeGreaterThan(7 << 20)
    expect(quick.scratch?.totalBytes).toBeGreaterThan(200 << 20)
    const full = await client.stats(true)
    expect(full.containers[0]?.layerBytes).toBeGreaterThanOrEqual(3 << 20)
    expect(full.containers[0]?.layerBytes).toBeLessThan(5 << 20)
    const data = full.volumes?.find(({ name }) => name === 'data')
    expect(data?.usedBytes).toBeGreaterThanOrEqual(5 << 20)
    expect(full.scratch?.usedBytes).toBeGreaterThanOrEqual(8 << 20)
    expect(full.network).toMatchObject({ receivedBytes: expect.any(Number), sentBytes: expect.any(Number) })
  })
})

describe('the input of a container', () => {
  it('outlives who writes to it, and has a terminal of a size', async () => {
    let screen = ''
    const seen = async (part: RegExp) => expect.poll(() => screen).toMatch(part)
    const sink = { write: (_: string, bytes: Uint8Array) => Promise.resolve(void (screen += Buffer.from(bytes).toString())), lost: () => {} }
    const ended = exitOf(client, 'typed')
    onTestFinished(() => client.removeContainer('typed'))
    await guest.startContainer(startRequest('typed', ['sh', '-c', 'read a; echo "<$a>"; read b; echo "<$b>"; stty size; exit 6'], { stdin: true, terminal: { columns: 80, rows: 24 } }), sink, () => {})
    expect(guest.containerInput('unknown')).toBeNull()
    await guest.containerInput('typed')?.write(Buffer.from('one\n'))
    await seen(/<one>/)
    await guest.containerInput('typed')?.resize(70, 21)
    await guest.containerInput('typed')?.write(Buffer.from('two\n'))
    await seen(/<two>\r\n21 70/)
    expect((await ended).exitCode).toBe(6)
  })
})
