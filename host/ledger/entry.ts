import { z } from 'zod'
import { assignment } from '@/contracts/host/v1'
import { condition } from '@/domain/shared/condition'
import { startStep } from '@/domain/pod/status'
import { containerRecord } from '@/host/pods/container-record'

export const readyImage = z.object({
  reference: z.string(),
  digest: z.string(),
  sizeBytes: z.number(),
  file: z.string(),
  config: z.object({ entrypoint: z.array(z.string()), command: z.array(z.string()), environment: z.array(z.string()), workingDir: z.string(), user: z.string(), stopSignal: z.string() }),
})

/**
 * What the host keeps of a pod on disk, so that the next run of its agent takes up where this one ended. What only describes
 * is left out where it cannot be read: a VM that runs must not end for that.
 */
export const ledgerEntry = z.object({
  version: z.literal(1),
  assignment,
  /** The account that the pod's VM runs as. */
  vmUid: z.number().int(),
  /** `up`: its VM may run. `suspended`: stopped by the end of the agent, to be started again. */
  stage: z.enum(['idle', 'up', 'ended', 'suspended']),
  /** The record of the VM, as the hypervisor wrote it; null where none was started. */
  vm: z.unknown(),
  /** By the reference in the spec, in the order of the VM's disks. */
  images: z.array(z.object({ wanted: z.string(), image: readyImage })),
  /** Empty: they could not be read. */
  containers: z.array(containerRecord).catch([]),
  conditions: z.array(condition).catch([]),
  startMode: z.enum(['template', 'cold']).nullable().catch(null),
  startSteps: z.array(startStep).catch([]),
  startedAt: z.string().nullable().catch(null),
  /** The delay of the next restart of the VM. */
  vmBackoffMs: z.number(),
  /** When the host took the pod on, in milliseconds since 1970: its activeDeadlineSeconds count from there. */
  acceptedAt: z.number().nullable().default(null),
  /** The same by the machine's steady clock, which holds in one boot of the machine. */
  acceptedSteady: z.object({ machineBoot: z.string(), ms: z.number() }).nullable().default(null).catch(null),
  /** Why the host has ended the pod for good. */
  failure: z.object({ reason: z.string(), message: z.string() }).nullable().default(null),
})
export type LedgerEntry = z.infer<typeof ledgerEntry>
