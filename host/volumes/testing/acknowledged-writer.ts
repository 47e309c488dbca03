import { randomUUID } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { RunningVm } from '@/host/hypervisor/running-vm'
import { startVm, type VmRequest } from '@/host/hypervisor/start-vm'
import { TemplateStore } from '@/host/hypervisor/templates/template-store'
import { GuestShell, shellAnswers, shellGuest } from '@/host/hypervisor/testing/shell-guest'
import { TestHypervisor } from '@/host/hypervisor/testing/test-hypervisor'
import { endEach } from '@/tools/testing/cleanup'
import { serialOf } from '../open-image'
import type { VolumeStore } from '../store'

const MiB = 2 ** 20
const rates = { iops: null, iopsBurst: null, bytesPerSecond: null, bytesPerSecondBurst: null, burstSeconds: 60 }
/** Bytes of a record of the log: a number, blanks, a line's end. */
const recordBytes = 512

/** Starts VMs of one host, each from the template of the first, whose guest is a shell. */
export class ShellVms {
  private count = 0

  private constructor(
    readonly host: TestHypervisor,
    private readonly settings: TestHypervisor['settings'],
    private readonly templates: TemplateStore,
  ) {}

  static async open(): Promise<ShellVms> {
    const host = await TestHypervisor.create()
    const settings = { ...host.settings, guest: await shellGuest(host.settings.guest, host.folder), waitForHello: shellAnswers }
    const templates = new TemplateStore({ dir: join(host.folder, 'templates'), settings, sharing: 'tenant-copy' })
    await templates.open()
    return new ShellVms(host, settings, templates)
  }

  async start(more: Partial<VmRequest> = {}): Promise<RunningVm> {
    const { vm, coldBecause } = await startVm(this.settings, this.templates, await this.host.request((this.count += 1) % 90, more))
    if (coldBecause !== null) throw new Error(`no template: ${coldBecause}`)
    return vm
  }

  async close(): Promise<void> {
    await endEach([
      { what: 'the VMs', end: () => this.host.killAll() },
      { what: 'the templates', end: () => this.templates.close({ dropAll: true }) },
      { what: 'the host', end: () => this.host.remove() },
    ])
  }
}

/** How a volume is opened: as an agent does it. `sizeBytes`: of those that are made here. */
export async function plugVolume(vm: RunningVm, store: VolumeStore, uid: string, epoch: number, sizeBytes: number): Promise<void> {
  await store.claim(uid, epoch, null)
  const image = await store.image(uid, 'write', epoch)
  const disk = { serial: serialOf(uid), sizeBytes, readOnly: false, rates, onFull: 'pause' as const }
  await vm.volumes.plug(image.kind === 'layers' ? { ...disk, direct: image.direct, layers: image.layers } : { ...disk, ceph: image }, () => store.confirmOpen(uid, epoch))
}

/** Each with a size that it takes, in shell with the disk for $A: it is made where there is none; what an agent of a guest does before it mounts it, and what sees all of it where the guest has that. */
const fileSystems = {
  ext4: {
    sizeBytes: 64 * MiB,
    ready: 'true',
    make: '/sbin/e2fsck -n $A >/dev/null 2>&1 || /sbin/mke2fs -q -t ext4 $A >/dev/null 2>&1',
    check: '/sbin/e2fsck -p $A >/checked 2>&1; [ $? -lt 4 ] && /sbin/e2fsck -f -n $A >/checked 2>&1 || { cat /checked; false; }',
  },
  xfs: {
    sizeBytes: 320 * MiB,
    ready: 'for one in libcrc32c xfs; do [ -e /sys/module/$one ] || { unxz -c /lib/modules/later/$one.ko.xz >/module && insmod /module || exit 1; }; done',
    make: '[ "$(dd if=$A bs=4 count=1 2>/dev/null)" = XFSB ] || /sbin/mkfs.xfs -q -K $A 2>&1',
    check: 'true',
  },
} as const
export type FileSystem = keyof typeof fileSystems

/** `sizeBytes`: of one that is made. */
export type WriterOptions = { uid?: string; fileSystem?: FileSystem; sizeBytes?: number }

/** What a writer has of a log: so many records are acknowledged, each with its number in it. */
export type Checked = { records: number; wrong: number }

/**
 * A guest that appends records to a log on a volume's file system, each with an fsync of its own, and tells the number of each that has come back from it: so many must be there
 * for ever, whatever happens to it, to its QEMU, to its agent or to its host. What the host hears is counted here, outside of all that may die.
 */
export class AcknowledgedWriter {
  readonly uid: string
  readonly sizeBytes: number
  readonly fileSystem: FileSystem
  epoch = 1
  acknowledged = 0
  vm: RunningVm | null = null
  private guest: GuestShell | null = null
  private streaming: Promise<void> | null = null

  constructor(
    private readonly start: () => Promise<RunningVm>,
    /** The agent's of now. */
    private readonly store: () => VolumeStore,
    { uid = randomUUID(), fileSystem = 'ext4', sizeBytes = fileSystems[fileSystem].sizeBytes }: WriterOptions = {},
  ) {
    this.uid = uid
    this.fileSystem = fileSystem
    this.sizeBytes = sizeBytes
  }

  /** Makes the volume, blank. */
  create(): Promise<void> {
    return this.store().create({ uid: this.uid, sizeBytes: this.sizeBytes, origin: { kind: 'blank' } }, () => {}, new AbortController().signal)
  }

  /**
   * Opens the volume in a VM of its own, checks its file system as a pod's guest does, and counts what is there. Makes one where there was none. `owner`: whose records it looks for, and goes on after; another
   * one may still write as it begins.
   */
  async open(owner: AcknowledgedWriter = this): Promise<Checked> {
    const vm = await this.start()
    this.vm = vm
    await plugVolume(vm, this.store(), this.uid, this.epoch, this.sizeBytes)
    const guest = await GuestShell.connect(vm.agentSocket)
    this.guest = guest
    const { ready, make, check } = fileSystems[this.fileSystem]
    await guest.out(`A=$(await ${serialOf(this.uid)}); mkdir -p /log; ${ready}`)
    if (owner.acknowledged === 0) await guest.out(make)
    await guest.out(check)
    this.acknowledged = owner.acknowledged
    const counted = await guest.out(`mount -t ${this.fileSystem} $A /log && touch /log/log && awk -v most=${this.acknowledged} 'NR <= most && $1 + 0 != NR { wrong++ } END { print NR + 0, wrong + 0 }' /log/log`)
    const [records = 0, wrong = 0] = counted.split(' ').map(Number)
    return { records, wrong }
  }

  /** Writes from now on. Resolves with the first that is acknowledged. */
  async write(): Promise<void> {
    const guest = this.guest
    if (!guest) throw new Error('the volume is not open')
    await new Promise<void>((resolve, reject) => {
      const script = `i=${this.acknowledged}; while :; do i=$((i + 1)); printf '%-${recordBytes - 1}d\\n' $i >/record; dd if=/record of=/log/log bs=${recordBytes} seek=$((i - 1)) count=1 conv=notrunc,fsync 2>/dev/null && echo "wrote $i" || echo "lost $i"; done`
      this.streaming = guest.stream(script, (line) => {
        const [, word, number] = /^(wrote|lost) (\d+)$/.exec(line) ?? []
        if (word === 'wrote') this.acknowledged = Number(number)
        if (word) resolve()
      })
      void this.streaming.then(() => reject(new Error('the VM ended before it wrote')))
    })
  }

  /** Waits for so many more. */
  async more(records: number): Promise<void> {
    const wanted = this.acknowledged + records
    const end = Date.now() + 60_000
    while (this.acknowledged < wanted) {
      if (Date.now() > end) throw new Error(`the guest wrote ${this.acknowledged} records and not ${wanted}`)
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
  }

  /** Works while its QEMU stands still, as at one instant: it begins nothing more, and what is heard of it meanwhile it had said before. */
  async standingStill<T>(work: () => Promise<T>): Promise<T> {
    const { vm } = this
    if (!vm) throw new Error('the volume is not open')
    process.kill(vm.pid, 'SIGSTOP')
    try {
      // What a thread of it had begun comes to its end.
      while (!(await standsStill(vm.pid))) await pause(5)
      return await work()
    } finally {
      process.kill(vm.pid, 'SIGCONT')
    }
  }

  /** Of one that was opened and does not write: unmounts it, so that nothing of it has to be replayed, and ends its VM. */
  async rest(): Promise<void> {
    await this.guest?.out('umount /log')
    await this.kill()
  }

  /** QEMU is killed in the midst of it. What was on its way to the host when it died is counted too. */
  async kill(): Promise<void> {
    if (!this.vm) return
    process.kill(this.vm.pid, 'SIGKILL')
    await Promise.all([this.vm.exited, this.streaming])
    this.guest?.close()
    ;[this.vm, this.guest, this.streaming] = [null, null, null]
  }

  /** After the agent knows that nothing here has it open any more. */
  async release(): Promise<void> {
    await this.store().release(this.uid, this.epoch)
    this.epoch += 1
  }
}

async function standsStill(pid: number): Promise<boolean> {
  const threads = await readdir(`/proc/${pid}/task`)
  const states = await Promise.all(threads.map((thread) => readFile(`/proc/${pid}/task/${thread}/status`, 'utf8')))
  return states.every((status) => /^State:\tT/m.test(status))
}
