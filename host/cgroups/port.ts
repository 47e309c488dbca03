import type { VmLimits } from './limits'

export const controllers = ['memory', 'pids', 'cpu'] as const
export type Controller = (typeof controllers)[number]

/** The groups of one installation's VMs: one implementation for version 2 of the kernel's control groups, one for version 1. */
export type Cgroups = {
  /** What limits VMs here, for logs, doctor and tests. */
  readonly support: CgroupSupport
  /** The folders of a VM's group: one in version 2, one a controller in version 1, none without any. `name` is the VM's alone. */
  folders(name: string): string[]
  /** Makes a VM's group with its limits, in place of one that an earlier VM of that name left. Throws with the cause. */
  make(name: string, limits: VmLimits): Promise<string[]>
  /** The group above all of the VMs', one a folder. */
  readonly parents: readonly string[]
}

/** `missing` controllers limit nothing here; `reason` says why in one sentence, and is empty where none is missing. */
export type CgroupSupport = { version: 1 | 2 | null; missing: readonly Controller[]; reason: string }

/** A machine on which no group can be made. */
export const withoutCgroups = (reason: string): Cgroups => ({ support: { version: null, missing: controllers, reason }, parents: [], folders: () => [], make: () => Promise.resolve([]) })
