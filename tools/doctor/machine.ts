import { existsSync, readFileSync, statfsSync } from 'node:fs'
import { availableParallelism, totalmem } from 'node:os'
import { dirname, join } from 'node:path'
import { z } from 'zod'
import { findDiskProblem } from '@/host/pods/data-folder'
import type { Config } from '@/platform/config'
import { offeredCgroups } from '@/host/cgroups/cgroups'
import { ok, problem, warning, type Finding } from '@/tools/doctor/finding'

const GIB = 1024 ** 3
const gib = (bytes: number) => `${(bytes / GIB).toFixed(1)} GiB`

/** The folder itself, or the nearest one above it that is there. */
function nearest(path: string): string {
  return existsSync(path) || path === '/' ? path : nearest(dirname(path))
}

export function diskFinding(data: string): Finding {
  const { bavail, bsize } = statfsSync(nearest(data))
  const free = Number(bavail) * Number(bsize)
  const found = `${gib(free)} free for ${data}`
  if (free < 2 * GIB) return problem('disk', found, 'Images and disks of pods need room: free some, or set HYPERNETES_DATA to a larger file system.')
  if (free < 10 * GIB) return warning('disk', found, 'A few images fill that: watch it, or set HYPERNETES_DATA to a larger file system.')
  return ok('disk', found)
}

/** Root's agent writes there: somebody else cannot tell. */
export async function writableFinding(data: string, isRoot: boolean): Promise<Finding[]> {
  if (!isRoot || !existsSync(data)) return []
  const found = await findDiskProblem(data)
  if (!found) return [ok('data folder', `${data} can be written to`)]
  return [problem('data folder', `${data} cannot be written to: ${found.found}`, `${found.action} Pods that run go on; the host agent starts by itself once it can write.`)]
}

export function memoryFinding(): Finding {
  const available = Number(/MemAvailable:\s+(\d+) kB/.exec(readFileSync('/proc/meminfo', 'utf8'))?.[1] ?? 0) * 1024
  const found = `${gib(available)} available of ${gib(totalmem())}, ${availableParallelism()} processors`
  if (available < GIB) return problem('memory', found, 'Each pod is a VM with memory of its own: at least 1 GiB must be available.')
  if (available < 3 * GIB) return warning('memory', found, 'That carries a few small pods only.')
  return ok('memory', found)
}

export function distributionFinding(): Finding {
  const release = existsSync('/etc/os-release') ? readFileSync('/etc/os-release', 'utf8') : ''
  const name = /^PRETTY_NAME="?(.*?)"?$/m.exec(release)?.[1] ?? 'unknown'
  const supported = /^ID=debian$/m.test(release) && /^VERSION_ID="?(12|13)"?$/m.test(release)
  return supported ? ok('distribution', name) : warning('distribution', name, 'Hypernetes is tested on Debian 12 and 13.')
}

const cgroupSupport = z.looseObject({ version: z.number().nullable(), missing: z.array(z.string()), reason: z.string() })
const hostState = z.looseObject({ accelerator: z.string(), reason: z.string().optional() })
const probed = z.looseObject({ choice: z.looseObject({ reason: z.string(), accelerator: z.looseObject({ kind: z.string() }) }) })

function parseFile<T>(file: string, schema: z.ZodType<T>): T | undefined {
  try {
    return schema.parse(JSON.parse(readFileSync(file, 'utf8')))
  } catch {
    return undefined
  }
}

const SLOW = 'VMs run, but each instruction is translated: starts and work take several times as long. On a virtual machine, switch on nested virtualisation; on a PC, virtualisation in the firmware.'

/** What bounds each pod's VM on this host, as the host agent found it when it last started; else what the machine offers. */
export async function cgroupFinding(config: Config): Promise<Finding> {
  const support = parseFile(join(config.data, 'host', 'state.json'), z.looseObject({ cgroups: cgroupSupport }))?.cgroups ?? (await offeredCgroups())
  const found = support.version === null ? `none: ${support.reason}` : `version ${support.version}${support.reason && `: ${support.reason}`}`
  if (support.missing.length === 0) return ok('cgroups', `${found}: memory, processes and processors of each VM are limited`)
  return warning('cgroups', found, `VMs are not limited in ${support.missing.join(', ')}: one that was broken into can take all of this machine. Mount /sys/fs/cgroup writable with these controllers; in a container, run it privileged with a cgroup namespace of the host (docker: --privileged --cgroupns=host).`)
}

/** What the host agent found out when it last started: by booting a guest, since a /dev/kvm may be there and not work. */
export function acceleratorFinding(config: Config): Finding {
  const state = parseFile(join(config.data, 'host', 'state.json'), hostState)
  const kept = parseFile(join(config.data, 'host', 'accelerator.json'), probed)?.choice
  const kind = state?.accelerator ?? kept?.accelerator.kind
  const reason = state?.reason ?? kept?.reason
  if (kind) return kind === 'kvm' ? ok('accelerator', reason ?? kind) : warning('accelerator', reason ?? kind, SLOW)
  if (config.accelerator === 'tcg') return warning('accelerator', 'software emulation, as HYPERNETES_ACCEL says', SLOW)
  if (existsSync('/dev/kvm')) return ok('accelerator', '/dev/kvm is there; the first start tries whether it runs a guest')
  if (config.accelerator === 'kvm') return problem('accelerator', 'HYPERNETES_ACCEL is kvm, but there is no /dev/kvm', 'Load kvm_intel or kvm_amd, or set HYPERNETES_ACCEL to auto.')
  return warning('accelerator', 'no /dev/kvm: software emulation', SLOW)
}
