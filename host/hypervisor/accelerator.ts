import { randomBytes } from 'node:crypto'
import { access, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { release } from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'
import type { HypervisorSettings } from './hypervisor-settings'
import { VmError, type Accelerator } from './machine'
import { bootServiceVm, stopServiceVm } from './service-vm'

export type AcceleratorSetting = 'auto' | 'kvm' | 'tcg'

/** What was found, and why in one sentence for logs, doctor and the host's page. */
export type AcceleratorChoice = { accelerator: Accelerator; reason: string }

export type AcceleratorProbe = {
  setting: AcceleratorSetting
  settings: Omit<HypervisorSettings, 'accelerator'>
  tbSizeMiB: number
  /** Where the result is kept and probes are run. */
  dir: string
  /** Probe again even where a result is kept. */
  force?: boolean
  signal: AbortSignal
}

/** Processor models worth trying under KVM: on some nested ones QEMU aborts with `host`. */
const kvmModels = ['host', 'max', 'qemu64']
const candidateTimeoutMs = 5000
const totalTimeoutMs = 15_000
const probeMemoryMiB = 256

const Kept = z.object({
  inputs: z.string(),
  choice: z.object({
    reason: z.string(),
    accelerator: z.discriminatedUnion('kind', [
      z.object({ kind: z.literal('kvm'), cpu: z.string() }),
      z.object({ kind: z.literal('tcg'), cpu: z.string(), tbSizeMiB: z.number() }),
    ]),
  }),
})

/**
 * Decides how VMs run. A /dev/kvm that exists may still never run a guest, so KVM counts only once the real kernel has
 * said hello under it: 5 s a processor model, 15 s in all. The result is kept for this QEMU, guest and host kernel.
 * Throws VmError where the setting is `kvm` and no guest comes up under it.
 */
export async function probeAccelerator(probe: AcceleratorProbe): Promise<AcceleratorChoice> {
  const { setting, settings, dir } = probe
  const software: Accelerator = { kind: 'tcg', cpu: 'max', tbSizeMiB: probe.tbSizeMiB }
  if (setting === 'tcg') return { accelerator: software, reason: 'software emulation, as the setting says' }
  const device = await access('/dev/kvm').then(() => true, () => false)
  if (!device && setting === 'auto') return { accelerator: software, reason: 'software emulation: this machine has no /dev/kvm' }
  if (!device) throw new VmError('KVM is the setting, but this machine has no /dev/kvm')

  const file = join(dir, 'accelerator.json')
  const inputs = JSON.stringify([setting, settings.qemu, settings.guest.version, settings.guest.arguments, release(), probe.tbSizeMiB])
  const kept = probe.force ? undefined : await readKept(file)
  if (kept?.inputs === inputs) return kept.choice
  const choice = await tryKvm(probe, software)
  await mkdir(dir, { recursive: true, mode: 0o711 })
  await writeFile(file, JSON.stringify({ inputs, choice }), { mode: 0o600 })
  return choice
}

async function tryKvm({ setting, settings, dir, signal }: AcceleratorProbe, software: Accelerator): Promise<AcceleratorChoice> {
  const deadline = AbortSignal.timeout(totalTimeoutMs)
  const failures: string[] = []
  for (const cpu of kvmModels) {
    if (deadline.aborted) break
    const late = AbortSignal.timeout(candidateTimeoutMs)
    const folder = join(dir, `probe-${randomBytes(4).toString('hex')}`)
    try {
      const limits = AbortSignal.any([signal, deadline, late])
      const vm = await bootServiceVm({ ...settings, accelerator: { kind: 'kvm', cpu } }, { boot: 'cold', vcpus: 1, memoryMiB: probeMemoryMiB, folder, signal: limits })
      await stopServiceVm(vm)
      return { accelerator: { kind: 'kvm', cpu }, reason: `KVM with processor model ${cpu}: a guest came up` }
    } catch (error) {
      signal.throwIfAborted()
      failures.push(`${cpu}: ${late.aborted || deadline.aborted ? 'no hello in time' : firstLine(error)}`)
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  }
  const why = `/dev/kvm exists, but no guest comes up under it (${failures.join('; ')})`
  if (setting === 'kvm') throw new VmError(`KVM is the setting: ${why}`)
  return { accelerator: software, reason: `software emulation: ${why}` }
}

const firstLine = (error: unknown) => (error instanceof Error ? error.message : String(error)).split('\n', 1)[0]?.slice(0, 200) ?? ''

async function readKept(file: string): Promise<z.infer<typeof Kept> | undefined> {
  try {
    return Kept.parse(JSON.parse(await readFile(file, 'utf8')))
  } catch {
    return undefined
  }
}
