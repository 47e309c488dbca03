import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { z } from 'zod'
import { cephConfiguration } from '@/host/hypervisor/ceph-image'
import { QmpClient } from '@/host/hypervisor/qmp'
import type { Arguments } from '../open-image'

const node = z.looseObject({ 'node-name': z.string().optional(), image: z.looseObject({ 'virtual-size': z.number() }) })

/**
 * A real QEMU without a machine in it, which opens images as that of a pod does and writes to them by its own `qemu-io`. It runs where `inside` says, until `end`.
 */
export class QemuWriter {
  private said = ''

  private constructor(private readonly folder: string, private readonly child: ChildProcess, private readonly monitor: QmpClient) {}

  static async start(inside: readonly string[]): Promise<QemuWriter> {
    const folder = await mkdtemp(join(tmpdir(), 'qemu-writer-'))
    await writeFile(join(folder, 'ceph.conf'), cephConfiguration)
    const socket = join(folder, 'qmp')
    const [first = 'qemu-system-x86_64', ...rest] = [...inside, 'qemu-system-x86_64', '-machine', 'none', '-nodefaults', '-no-user-config', '-display', 'none', '-S', '-qmp', `unix:${socket},server=on,wait=off`]
    const child = spawn(first, rest, { stdio: ['ignore', 'pipe', 'pipe'] })
    const monitor = await connected(socket, child)
    const writer = new QemuWriter(folder, child, monitor)
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk: Buffer) => (writer.said += chunk.toString()))
    return writer
  }

  /** A file without keys that bounds how long QEMU waits for Ceph. */
  get configuration(): string {
    return join(this.folder, 'ceph.conf')
  }

  object(args: Arguments): Promise<void> {
    return this.monitor.command('object-add', args)
  }

  removeObject(id: string): Promise<void> {
    return this.monitor.command('object-del', { id })
  }

  open(graph: Arguments): Promise<void> {
    return this.monitor.command('blockdev-add', graph, { timeoutMs: 60_000 })
  }

  close(name: string): Promise<void> {
    return this.monitor.command('blockdev-del', { 'node-name': name }, { timeoutMs: 60_000 })
  }

  async size(name: string): Promise<number> {
    const nodes = await this.monitor.execute('query-named-block-nodes', { flat: false }, z.array(node))
    return nodes.find((one) => one['node-name'] === name)?.image['virtual-size'] ?? Number.NaN
  }

  /** To the present size: nothing changes, but it needs the image's lock. */
  async takeLock(name: string): Promise<void> {
    await this.resize(name, await this.size(name))
  }

  resize(name: string, size: number): Promise<void> {
    return this.monitor.command('block_resize', { 'node-name': name, size }, { timeoutMs: 120_000 })
  }

  /** Fills with a byte and flushes. Throws what QEMU said where it did not come through. */
  async write(name: string, byte: number, offset: number, length: number): Promise<void> {
    await this.io(name, `write -f -P ${byte} ${offset} ${length}`, /^wrote /m)
  }

  /** As a guest writes that flushes later. */
  async writeUnflushed(name: string, byte: number, offset: number, length: number): Promise<void> {
    await this.io(name, `write -P ${byte} ${offset} ${length}`, /^wrote /m)
  }

  async discard(name: string, offset: number, length: number): Promise<void> {
    await this.io(name, `discard ${offset} ${length}`, /^discard /m)
  }

  async isFilled(name: string, byte: number, offset: number, length: number): Promise<boolean> {
    return !(await this.io(name, `read -P ${byte} ${offset} ${length}`, /^read |Pattern verification failed/m)).includes('Pattern verification failed')
  }

  sleep(): void {
    this.child.kill('SIGSTOP')
  }

  wake(): void {
    this.child.kill('SIGCONT')
  }

  async end(): Promise<void> {
    this.monitor.close()
    await new Promise<void>((resolve) => {
      if (this.child.exitCode !== null || this.child.signalCode !== null) return resolve()
      this.child.once('close', () => resolve())
      this.child.kill('SIGKILL')
    })
    await rm(this.folder, { recursive: true, force: true })
  }

  private async io(name: string, command: string, expected: RegExp): Promise<string> {
    this.said = ''
    const answer = await this.monitor.execute('human-monitor-command', { 'command-line': `qemu-io ${name} "${command}"` }, z.string(), { timeoutMs: 120_000 })
    const end = Date.now() + 60_000
    // What it says of a command comes by its standard output, beside the monitor's answer.
    while (!expected.test(this.said) && !/failed|read-only|[Ee]rror/.test(this.said + answer) && Date.now() < end) await pause(5)
    if (!expected.test(this.said) || /(?:write|read) failed/.test(this.said)) throw new Error(`${command}: ${answer} ${this.said}`.trim())
    return this.said
  }
}

async function connected(socket: string, child: ChildProcess): Promise<QmpClient> {
  const end = Date.now() + 60_000
  for (;;) {
    try {
      return await QmpClient.connect(socket)
    } catch (error) {
      if (child.exitCode !== null || Date.now() > end) throw error
      await pause(20)
    }
  }
}
