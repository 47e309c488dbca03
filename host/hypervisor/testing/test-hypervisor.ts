import { createHash, randomBytes } from 'node:crypto'
import { mkdir, mkdtemp, open, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { guestKernelArguments } from '@/contracts/guest/v1/machine'
import { buildGuestImage } from '@/guest/image/build'
import { openCgroups } from '@/host/cgroups/cgroups'
import { removeGroup, sweepGroups } from '@/host/cgroups/group-files'
import { GuestClient } from '@/host/guest/client'
import { run } from '@/platform/exec'
import { noteGroup } from '@/tools/testing/groups'
import { defaultMaxImageBytes, type HypervisorSettings } from '../hypervisor-settings'
import { identifyProcess, userOf } from '../process-identity'
import { findQemu } from '../qemu'
import { ScratchDisks } from '../scratch'
import type { VmRequest } from '../start-vm'

const imageCache = join(import.meta.dirname, '../../../node_modules/.cache/hypernetes-guest')
const scratchBytes = 256 * 2 ** 20

export async function waitForHello(socketPath: string, signal: AbortSignal): Promise<void> {
  const client = await GuestClient.connect(socketPath, { signal })
  client.close()
}

/** What a test of real VMs needs, in a folder of its own: settings, an image, scratch disks, users that no other test has. */
export class TestHypervisor {
  private constructor(
    readonly folder: string,
    readonly settings: HypervisorSettings,
    readonly image: string,
    readonly scratch: ScratchDisks,
    private readonly firstUid: number,
  ) {}

  static async create(): Promise<TestHypervisor> {
    const folder = await mkdtemp(join(tmpdir(), 'hypervisor-'))
    const guest = await buildGuestImage({ outDir: imageCache })
    const firstUid = 0x6000_0000 + (process.pid % 0x10_0000) * 0x100
    const parent = `hypernetes-test-${process.pid}-${randomBytes(3).toString('hex')}`
    noteGroup(parent)
    const settings: HypervisorSettings = {
      qemu: await findQemu(),
      guest: { ...guest, arguments: guestKernelArguments },
      accelerator: { kind: 'tcg', cpu: 'max', tbSizeMiB: 48 },
      scratchBytes,
      maxImageBytes: defaultMaxImageBytes,
      serviceUid: firstUid,
      kvmNode: null,
      cgroups: await openCgroups(parent),
      waitForHello,
    }
    const image = await makeImage(folder, 'image', 'the root image')
    return new TestHypervisor(folder, settings, image, new ScratchDisks(join(folder, 'scratch'), scratchBytes), firstUid)
  }

  /** A request for the nth VM of a test. */
  async request(n: number, overrides: Partial<VmRequest> = {}): Promise<VmRequest> {
    const runDir = join(this.folder, 'pods', String(n))
    await mkdir(runDir, { recursive: true, mode: 0o711 })
    const scratchFile = join(runDir, 'scratch')
    await this.scratch.create(scratchFile)
    return {
      ...{ id: `vm${n}`, uid: this.firstUid + n, tenantId: 'tenant', network: null, mac: `52:54:00:00:01:${String(n).padStart(2, '0')}`, vcpus: 1, memoryMiB: 128 },
      ...{ imageFile: this.image, scratchFile, runDir, signal: new AbortController().signal, ...overrides },
    }
  }

  /** Processes that run as one of this test's users. */
  async processes(): Promise<string[]> {
    const found: string[] = []
    for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
      const uid = (await userOf(Number(pid))) ?? -1
      // One that has ended stays listed until this process learns of its end.
      if (uid >= this.firstUid && uid < this.firstUid + 0x100 && (await identifyProcess(Number(pid)))) found.push(pid)
    }
    return found
  }

  /** Ends what a failed test left running. */
  async killAll(): Promise<void> {
    for (const pid of await this.processes()) process.kill(Number(pid), 'SIGKILL')
  }

  async remove(): Promise<void> {
    const { parents } = this.settings.cgroups
    await sweepGroups(parents)
    await removeGroup(parents)
    await rm(this.folder, { recursive: true, force: true })
  }
}

/** A small squashfs with one file, `message`. */
export async function makeImage(folder: string, name: string, message: string): Promise<string> {
  const content = join(folder, `${name}.d`)
  await mkdir(content)
  await writeFile(join(content, 'message'), message)
  const file = join(folder, `${name}.squashfs`)
  await run('mksquashfs', [content, file, '-quiet', '-no-progress', '-all-root'])
  return file
}

/** The SHA-256 of a file, of any kind that can be read. */
export async function sha256(path: string): Promise<string> {
  const hash = createHash('sha256')
  const file = await open(path)
  for await (const chunk of file.createReadStream()) hash.update(chunk as Buffer)
  return hash.digest('hex')
}
