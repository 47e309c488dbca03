import { z } from 'zod'
import { ProcessIdentity } from './process-identity'

/** What the agent must remember to find a VM again after it was restarted. */
export const VmRecord = z.object({
  id: z.string(),
  tenantId: z.string(),
  uid: z.number().int().positive(),
  runDir: z.string(),
  mode: z.enum(['template', 'cold']),
  /** The template's copy that the VM runs from. */
  copy: z.string().nullable(),
  accelerator: z.enum(['kvm', 'tcg']),
  /** The version of its guest image; null of a VM that an earlier version started. */
  guest: z.string().nullable().default(null),
  process: ProcessIdentity,
  /** Its scratch disk as it was given; null of a VM that an earlier version started. */
  scratch: z.object({ file: z.string(), bytes: z.number().int().min(0) }).nullable().default(null),
  /** How much memory they were made to allow, without volumes; null of a VM that an earlier version started. */
  memoryBytes: z.number().int().positive().nullable().default(null),
  /** Whether it reaches stores of volumes on the network. */
  storage: z.boolean().default(false),
  /** The folders of its cgroups; none of a VM that an earlier version started. */
  cgroups: z.array(z.string()).default([]),
})
export type VmRecord = z.infer<typeof VmRecord>
