import { spawn, type ChildProcess } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import pino from 'pino'
import { agentPortName, guestKernelArguments, imageSerial, scratchSerial } from '@/contracts/guest/v1/machine'
import type { SetupParams } from '@/contracts/guest/v1/requests'
import { GuestClient } from '@/host/guest/client'
import { defaultMaxImageBytes, defaultScratchBytes } from '@/host/hypervisor/hypervisor-settings'
import { processors } from '@/host/hypervisor/arguments'
import { QmpClient } from '@/host/hypervisor/qmp'
import { ScratchDisks } from '@/host/hypervisor/scratch'
import { ImageStore, type StoredImage } from '@/host/images/image-store'
import { ensureSampleImage } from '@/host/images/sample/sample-image'
import { loadConfig } from '@/platform/config'
import { run } from '@/platform/exec'

const memoryMiB = 128
const gateway = '10.99.0.1'

/**
 * What a template start costs without a cloud around it: QEMU, its monitor and the guest agent alone. No API, no
 * database, no jail, no users, no firewall; taps and scratch files are made beforehand where that is kinder to it. The same
 * guest image, machine size, translation buffer and container as a pod of the sample image has.
 */
export class BareRecipe {
  private readonly running: { child: ChildProcess; client: GuestClient }[] = []

  private constructor(
    private readonly folder: string,
    private readonly namespace: string,
    private readonly image: StoredImage,
    private readonly scratch: ScratchDisks,
    private readonly guest: { kernel: string; initramfs: string },
    private readonly count: number,
  ) {}

  /** Makes namespace, taps, image and template for `count` machines. */
  static async prepare(guest: { kernel: string; initramfs: string }, count: number): Promise<BareRecipe> {
    const folder = await mkdtemp('/var/tmp/hypernetes-bare-')
    const namespace = `hnbare${process.pid}`
    await run('ip', ['netns', 'add', namespace])
    for (let i = 0; i <= count; i++) {
      await run('ip', ['-n', namespace, 'tuntap', 'add', 'dev', `t${i}`, 'mode', 'tap', 'vnet_hdr'])
      await run('ip', ['-n', namespace, 'link', 'set', `t${i}`, 'up'])
    }
    const images = await ImageStore.open({ dir: join(folder, 'images'), defaultRegistry: 'registry.invalid', insecureRegistries: [], logger: pino({ level: 'silent' }) })
    const scratch = new ScratchDisks(join(folder, 'scratch'), defaultScratchBytes)
    await scratch.prepare()
    const recipe = new BareRecipe(folder, namespace, await ensureSampleImage(images), scratch, guest, count)
    try {
      await recipe.makeTemplate()
    } catch (error) {
      await recipe.remove()
      throw error
    }
    return recipe
  }

  /** Starts the nth machine from the template until its container's process runs; gives the milliseconds. */
  async start(n: number): Promise<number> {
    if (n >= this.count) throw new RangeError(`the bare recipe was prepared for ${this.count} machines`)
    const begin = performance.now()
    const scratch = join(this.folder, `scratch-${n}.ext4`)
    await this.scratch.create(scratch)
    const { child, qmp, agent } = await this.launch(n, this.image.squashfs, scratch, ['-incoming', 'defer'], 'off')
    await migrate(qmp, 'migrate-incoming', `exec:cat ${join(this.folder, 'state')}`)
    await qmp.command('cont')
    const client = await GuestClient.connect(agent)
    this.running.push({ child, client })
    const setup = client.setup(this.setup(n))
    const mounted = client.addImage({ serial: imageSerial(0), key: imageSerial(0) })
    await setup
    await mounted
    const { config } = this.image
    const streams = await client.startContainer({
      ...{ container: 'main', image: imageSerial(0), args: [...config.entrypoint, ...config.cmd], env: config.env, cwd: config.workingDir, user: config.user },
      ...{ runAsUser: null, runAsGroup: null, supplementalGroups: [], mounts: [], readOnlyRoot: false, noNewPrivileges: false, stdin: false, terminal: null, memoryBytes: null, cpuMillis: null },
    })
    streams.stdout.resume()
    streams.stderr.resume()
    qmp.close()
    return performance.now() - begin
  }

  /** The agent's client of a machine that runs, in the order of their starts. */
  client(index: number): GuestClient {
    const found = this.running[index]
    if (!found) throw new RangeError(`no machine ${index} runs`)
    return found.client
  }

  /** Ends all machines; the template stays. */
  async stopAll(): Promise<void> {
    for (const { child, client } of this.running.splice(0)) {
      client.close()
      await end(child)
    }
  }

  async remove(): Promise<void> {
    await this.stopAll()
    await run('ip', ['netns', 'del', this.namespace])
    await rm(this.folder, { recursive: true, force: true })
  }

  private async makeTemplate(): Promise<void> {
    const placeholder = join(this.folder, 'placeholder.squashfs')
    const scratch = join(this.folder, 'placeholder.ext4')
    const memory = join(this.folder, 'memory')
    await writeFile(placeholder, '')
    await truncate(placeholder, defaultMaxImageBytes)
    await writeFile(memory, '')
    await truncate(memory, memoryMiB << 20)
    await this.scratch.create(scratch)
    const { child, qmp, agent } = await this.launch(this.count, placeholder, scratch, [], 'on')
    try {
      ;(await GuestClient.connect(agent, { helloTimeoutMs: 120_000 })).close()
      await qmp.command('stop')
      await migrate(qmp, 'migrate', `exec:cat > ${join(this.folder, 'state')}`)
    } finally {
      await end(child)
    }
  }

  private async launch(n: number, image: string, scratch: string, extra: readonly string[], share: 'on' | 'off') {
    const place = join(this.folder, String(n))
    await mkdir(place, { recursive: true })
    const [monitor, agent] = [join(place, 'qmp'), join(place, 'agent')]
    const { tbSizeMiB } = loadConfig()
    const args = [
      ...['-nodefaults', '-no-user-config', '-display', 'none', '-vga', 'none', '-no-reboot', '-accel', `tcg,tb-size=${tbSizeMiB}`, '-cpu', 'max', '-smp', processors('tcg', 1).smp],
      ...['-M', 'pc,memory-backend=ram,vmport=off', '-m', `${memoryMiB}M`, '-object', `memory-backend-file,id=ram,size=${memoryMiB}M,mem-path=${join(this.folder, 'memory')},share=${share}`],
      ...['-kernel', this.guest.kernel, '-initrd', this.guest.initramfs, '-append', [...guestKernelArguments, ...processors('tcg', 1).kernel].join(' ')],
      ...['-chardev', 'ringbuf,id=console,size=65536', '-serial', 'chardev:console', '-qmp', `unix:${monitor},server=on,wait=off`],
      ...['-device', 'virtio-serial-pci,max_ports=2', '-chardev', `socket,id=agent,path=${agent},server=on,wait=off`, '-device', `virtserialport,chardev=agent,name=${agentPortName}`],
      ...['-netdev', `tap,id=net0,ifname=t${n},script=no,downscript=no`, '-device', 'virtio-net-pci,netdev=net0,mac=52:54:00:00:00:01,romfile='],
      ...['-blockdev', `driver=file,node-name=image0,filename=${image},read-only=on,locking=off`, '-device', `virtio-blk-pci,drive=image0,serial=${imageSerial(0)}`],
      ...['-blockdev', `driver=file,node-name=scratch,filename=${scratch},cache.no-flush=on,discard=unmap,locking=off`, '-device', `virtio-blk-pci,drive=scratch,serial=${scratchSerial}`],
      ...['-object', 'rng-builtin,id=rng0', '-device', 'virtio-rng-pci,rng=rng0', '-device', 'vmgenid,guid=auto', ...extra],
    ]
    const child = spawn('ip', ['netns', 'exec', this.namespace, 'qemu-system-x86_64', ...args], { stdio: ['ignore', 'ignore', 'inherit'] })
    return { child, agent, qmp: await connectMonitor(monitor, child) }
  }

  private setup(n: number): SetupParams {
    const uid = randomUUID()
    return {
      ...{ instance: uid, time: Date.now(), entropy: Buffer.alloc(64, n).toString('base64'), hostname: `bare-${n}`, machineId: uid.replaceAll('-', '') },
      ...{ hosts: '127.0.0.1 localhost\n', resolvConf: '', scratch: { serial: scratchSerial }, volumes: [] },
      network: { mac: `02:00:00:00:00:${(n + 16).toString(16)}`, address: `10.99.0.${n + 2}`, prefixLength: 24, gateway, mtu: 1500 },
    }
  }
}

async function connectMonitor(path: string, child: ChildProcess): Promise<QmpClient> {
  for (;;) {
    try {
      return await QmpClient.connect(path)
    } catch (error) {
      if (child.exitCode !== null) throw error
      await delay(3)
    }
  }
}

async function migrate(qmp: QmpClient, command: 'migrate' | 'migrate-incoming', uri: string): Promise<void> {
  await qmp.command('migrate-set-capabilities', { capabilities: ['x-ignore-shared', 'events'].map((capability) => ({ capability, state: true })) })
  const ended = qmp.nextEvent(({ event, data }) => event === 'MIGRATION' && ['completed', 'failed'].includes(String(data?.status)), command, 20_000)
  ended.catch(() => {})
  await qmp.command(command, { uri })
  if ((await ended).data?.status !== 'completed') throw new Error(`${command} failed`)
}

async function end(child: ChildProcess): Promise<void> {
  child.kill('SIGKILL')
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
}

/** Starts `count` machines with at most `bound` starts at a time; gives the milliseconds until the last one's container runs. */
export async function startTogether(recipe: BareRecipe, count: number, bound: number): Promise<number> {
  const begin = performance.now()
  let next = 0
  const work = async () => {
    while (next < count) await recipe.start(next++)
  }
  await Promise.all(Array.from({ length: bound }, work))
  return performance.now() - begin
}
