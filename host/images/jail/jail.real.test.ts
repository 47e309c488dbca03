import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chown, mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { networkInterfaces, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { openCgroups } from '@/host/cgroups/cgroups'
import { closeGroups } from '@/host/cgroups/group-files'
import { run } from '@/platform/exec'
import { canary } from '../testing/lying-registry'
import { inGroup, putJailsInGroups } from './group'
import { jailed, jailUid, type Jail } from './jail'

const limits = { memoryBytes: 256 << 20, addressSpace: 2 ** 30, fileBytes: 1 << 20, openFiles: 64, processes: 64, cpuSeconds: 20 }
let folder = ''
let uid = 0
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'jail-'))
  uid = jailUid()
  for (const [name, owner] of [['mine', uid], ['home', uid], ['others', jailUid()]] as const) {
    await mkdir(join(folder, name), { mode: 0o700 })
    await writeFile(join(folder, name, 'secret'), 'canary-of-a-secret', { mode: 0o600 })
    for (const path of [join(folder, name, 'secret'), join(folder, name)]) await chown(path, owner, owner)
  }
})
afterAll(() => rm(folder, { recursive: true }))

const jail = (more: Partial<Jail> = {}): Jail => ({ uid, readOnly: [{ source: join(folder, 'home'), place: '/puller' }], writable: { source: join(folder, 'mine'), place: '/image' }, limits, ...more })
const environment = { NODE_ENV: 'test' as const, PATH: '/usr/sbin:/usr/bin:/sbin:/bin' }
/** Runs a script as a puller that a stranger has taken over would. */
const inside = async (script: string, more: Partial<Jail> = {}): Promise<string> => {
  const [command, args] = jailed(jail(more), ['bash', '-c', script])
  return (await run(command, args, { env: environment, timeoutMs: 100_000 })).stdout.trim()
}

describe.runIf(process.getuid?.() === 0)('a jail', () => {
  it('is no root and has no way to become it', async () => {
    const script = 'perl -e \'print "$< $> $( $)\\n"; for my $n (0..40) { print "capability $n\\n" if syscall(157, 23, $n, 0, 0, 0) == 1 } print "new privileges\\n" if syscall(157, 39, 0, 0, 0, 0) != 1\''
    expect(await inside(script)).toBe(`${uid} ${uid} ${uid} ${uid}`)
    // Without the step that takes root away the same look finds capabilities.
    expect(await inside(script, { uid: 0 })).toContain('capability 21')
  })

  it('has its own folder and /usr, and nothing else of the host', async () => {
    const seen = await inside('shopt -s dotglob; echo /* /puller/* /image/* /dev/*; cat /puller/secret')
    expect(seen).toBe('/bin /dev /image /lib /lib64 /puller /sbin /usr /puller/secret /image/secret /dev/null /dev/urandom\ncanary-of-a-secret')
    const tried = await inside(`
      for path in /x /usr/x /puller/x /puller/secret /dev/x /etc/x; do (echo hostile > $path) 2>/dev/null && echo "wrote $path"; done
      for path in ${folder}/others/secret /etc/shadow /proc/1/environ /sys/kernel; do [ -e $path ] && echo "sees $path"; done
      mknod /image/disk b 8 0 2>/dev/null && echo "made a device"
      echo fine > /image/written
      true`)
    expect(tried).toBe('')
    expect(await readFile(join(folder, 'mine', 'written'), 'utf8')).toBe('fine\n')
  })

  it('reaches no network: not the host, not what lies behind it', async () => {
    const listener = await canary()
    try {
      const own = Object.values(networkInterfaces()).flatMap((all) => all ?? []).filter(({ family }) => family === 'IPv4').map(({ address }) => address)
      const tried = [...own, '169.254.169.254', '100.64.0.1', '192.0.2.1'].map((address) => `(exec 3<>/dev/tcp/${address}/${listener.port}) 2>/dev/null && echo ${address}`).join('\n')
      expect(await inside(`${tried}\ntrue`)).toBe('')
      expect(listener.connections()).toBe(0)
      // The same attempt outside of a jail arrives.
      await run('bash', ['-c', `exec 3<>/dev/tcp/127.0.0.1/${listener.port}`])
      await expect.poll(listener.connections).toBe(1)
    } finally {
      listener.close()
    }
  })

  it('makes no namespaces, no sockets that leave its network, and no calls that break kernels', async () => {
    const script = `perl -e '
      my %flags = ("user namespace" => 0x10000000, "user, network and mount namespaces" => 0x50020000);
      for my $name (sort keys %flags) { my $p = fork(); if (!$p) { exit(syscall(272, $flags{$name}) == 0) } waitpid($p, 0); print "$name\n" if $? }
      my $cloned = syscall(56, 0x10000000 | 17, 0, 0, 0, 0); exit 0 if $cloned == 0; print "clone\n" if $cloned > 0;
      for my $call (435, 425) { syscall($call, 0, 0); print "call $call\n" if $! != 38 }
      for my $call (101, 165, 250, 308, 321, 323) { syscall($call, 99, 0, 0, 0, 0); print "call $call\n" if $! != 1 }
      for my $family (2, 10, 16, 17, 38, 40) { for my $type (1, 2, 3, 5) { if (socket(my $s, $family, $type, 0)) { print "family $family\n"; last } } }
      print "family 1\n" if socket(my $s, 1, 1, 0)'`
    expect(await inside(script)).toBe('family 1')
    expect(await inside(script, { listeners: [{ address: '127.0.0.1', port: 80, socket: '/puller/none' }] })).toBe('family 2\nfamily 10\nfamily 1')
    // Outside of a jail the same account makes the namespaces.
    const { stdout } = await run('setpriv', ['--reuid', String(uid), '--clear-groups', 'bash', '-c', script], { env: environment })
    expect(stdout.split('\n')).toEqual(expect.arrayContaining(['user namespace', 'user, network and mount namespaces', 'clone', 'family 16']))
  })

  it('has the ways out that it is given, on IPv6 too, and each carries both directions', async () => {
    const server = createServer({ allowHalfOpen: true }, (socket) => socket.pipe(socket))
    const path = join(folder, 'home', 'out')
    await new Promise<void>((resolve) => server.listen(path, resolve))
    await chown(path, uid, uid)
    try {
      const listeners = [{ address: '127.0.0.1', port: 80 }, { address: '::1', port: 5000 }].map((at) => ({ ...at, socket: '/puller/out' }))
      const said = await inside('for to in 127.0.0.1/80 ::1/5000; do exec 3<>/dev/tcp/$to; echo hello >&3; read -r line <&3; echo "$to $line"; done', { listeners })
      expect(said).toBe('127.0.0.1/80 hello\n::1/5000 hello')
    } finally {
      server.close()
    }
  })

  it('bounds memory, files, descriptors and processes, and leaves no core', async () => {
    const script = `
      perl -e 'my $x = "a" x (2 << 30); print "memory\\n"' 2>/dev/null
      perl -e '$SIG{XFSZ} = "IGNORE"; open(my $f, ">", "/image/large"); syswrite($f, "a" x (1 << 20)) for 1..3; print -s "/image/large", "\\n"'
      perl -e 'my @f; for (1..200) { open(my $f, "<", "/dev/null") or last; push @f, $f } print @f < 64 ? "" : "descriptors\\n"'
      perl -e 'my @all; for (1..200) { my $p = fork(); last if !defined $p; if (!$p) { sleep 30; exit } push @all, $p } print @all < 64 ? "" : "processes\\n"; kill 9, @all'
      true`
    expect(await inside(script)).toBe(String(1 << 20))
    expect((await readdir(join(folder, 'mine'))).filter((name) => name.startsWith('core'))).toEqual([])
  })

  it('bounds the memory and number of all its processes together, where there are control groups, and leaves none', async () => {
    const cgroups = await openCgroups(`hypernetes-jail-test-${process.pid}`)
    const { version, missing } = cgroups.support
    // Each process is far below its own limit.
    const script = `
      perl -e 'my @all; for (1..4) { my $p = fork(); if (!$p) { my $x = "a" x (40 << 20); sleep 5; exit 7 } push @all, $p } my $n = 0; for (@all) { waitpid($_, 0); $n += $? == 7 << 8 } print $n < 4 ? "" : "memory\\n"'
      perl -e 'my @all; for (1..40) { my $p = fork(); last if !defined $p; if (!$p) { sleep 30; exit } push @all, $p } print @all < 20 ? "" : "processes\\n"; kill 9, @all'
      true`
    const together = async (): Promise<string> => {
      const bounds = { ...limits, memoryBytes: 96 << 20, processes: 12 }
      const { command, args, leave } = await inGroup(bounds, jailed(jail(), ['bash', '-c', script]))
      try {
        return (await run(command, args, { env: environment, timeoutMs: 100_000 })).stdout.trim()
      } finally {
        await leave()
      }
    }
    expect(await together()).toBe('memory\nprocesses')
    putJailsInGroups(cgroups)
    try {
      expect(await together()).toBe(['memory', ...(missing.includes('pids') || version === null ? ['processes'] : [])].slice(missing.includes('memory') ? 0 : 1).join('\n'))
      for (const parent of cgroups.parents) expect((await readdir(parent)).filter((name) => name.startsWith('jail-'))).toEqual([])
    } finally {
      putJailsInGroups(null)
      await closeGroups(cgroups.parents)
    }
  })

  it('ends with everything in it, when it is killed and when whoever started it is', async () => {
    const ofAccount = async (): Promise<number> => {
      const all = await Promise.all((await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map((pid) => readFile(`/proc/${pid}/status`, 'utf8').catch(() => '')))
      return all.filter((status) => new RegExp(`^Uid:\\t${uid}\\t`, 'm').test(status)).length
    }
    const listeners = [{ address: '127.0.0.1', port: 3128, socket: '/puller/none' }]
    const [command, args] = jailed(jail({ listeners }), ['bash', '-c', 'sleep 300 & setsid sleep 300 & wait'])
    const child = spawn(command, args, { env: environment, stdio: 'ignore' })
    onTestFinished(() => void child.kill('SIGKILL'))
    await expect.poll(ofAccount).toBeGreaterThanOrEqual(4)
    child.kill('SIGKILL')
    await once(child, 'exit')
    await expect.poll(ofAccount).toBe(0)
    const agent = spawn(process.execPath, ['-e', `require('node:child_process').spawn(${JSON.stringify(command)}, ${JSON.stringify(args)}, { stdio: 'ignore' }); setInterval(() => {}, 1000)`], { env: environment, stdio: 'ignore' })
    onTestFinished(() => void agent.kill('SIGKILL'))
    await expect.poll(ofAccount).toBeGreaterThanOrEqual(4)
    agent.kill('SIGKILL')
    await expect.poll(ofAccount).toBe(0)
  })
})
