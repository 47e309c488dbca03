import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import { startTicks } from '@/tools/process/liveness.mjs'
import { installation } from '../fixtures/installation'

/** A QEMU that runs, by a name that no later process can have. */
export type Machine = { pid: number; ticks: string; podUid: string }

const podFolders = `${installation.data}/host/pods/`
const podUidLength = 36

/** The installation's QEMUs that run for pods, found by the files that they hold open: no record of the installation's is believed. */
export function runningMachines(): Machine[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name)).map(Number)
  return pids.flatMap((pid) => {
    if (!isQemu(pid)) return []
    const [podUid, ticks] = [podUidOf(pid), startTicks(pid)]
    return podUid && ticks ? [{ pid, ticks, podUid }] : []
  })
}

export const machinesOf = (podUid: string): Machine[] => runningMachines().filter((machine) => machine.podUid === podUid)

function isQemu(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').startsWith('qemu-system') && !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return false
  }
}

function podUidOf(pid: number): string | undefined {
  try {
    const folder = `/proc/${pid}/fd`
    for (const descriptor of readdirSync(folder)) {
      const file = readlinkSync(join(folder, descriptor))
      if (file.startsWith(podFolders)) return file.slice(podFolders.length, podFolders.length + podUidLength)
    }
  } catch {
    // It has ended meanwhile.
  }
  return undefined
}

/** Looks at the machines four times a second: none of a pod's may run beside another, and what is steady must stay the same process. */
export class MachineWatch {
  private readonly defects = new Set<string>()
  private readonly steady = new Map<string, Machine>()
  private readonly timer: NodeJS.Timeout
  samples = 0
  most = 0

  constructor() {
    this.timer = setInterval(() => this.look(), 250)
  }

  /** From now on this pod's machine must be the one that it is. */
  expectSteady(podUid: string): void {
    const [machine, ...others] = machinesOf(podUid)
    if (!machine || others.length > 0) throw new Error(`pod ${podUid} has ${others.length + (machine ? 1 : 0)} machines`)
    this.steady.set(podUid, machine)
  }

  /** The pod may lose its machine: it is not watched any more. */
  release(podUid: string): void {
    this.steady.delete(podUid)
  }

  private look(): void {
    const machines = runningMachines()
    this.samples += 1
    this.most = Math.max(this.most, machines.length)
    for (const [i, { podUid, pid }] of machines.entries()) {
      const other = machines.slice(i + 1).find((each) => each.podUid === podUid)
      if (other) this.defects.add(`pod ${podUid} ran twice: processes ${pid} and ${other.pid}`)
    }
    for (const [podUid, { pid, ticks }] of this.steady) {
      if (!machines.some((each) => each.pid === pid && each.ticks === ticks)) this.defects.add(`the machine of pod ${podUid}, process ${pid}, ended`)
    }
  }

  /** Throws what was seen. */
  check(): void {
    if (this.defects.size > 0) throw new Error([...this.defects].join('\n'))
  }

  end(): void {
    clearInterval(this.timer)
    this.look()
    this.check()
  }
}
