import { z } from 'zod'
import { condition } from '../shared/condition'
import { objectMetadata } from '../shared/metadata'

export const hostCapacity = z.object({ cpus: z.number().int().min(1), memoryMiB: z.number().int().min(0), diskMiB: z.number().int().min(0) })
export type HostCapacity = z.infer<typeof hostCapacity>
export const accelerator = z.enum(['kvm', 'tcg'])

/** A hypervisor host as operators see it. `used` is what bound pods take, overhead included. */
export const hostView = z.object({
  metadata: objectMetadata,
  spec: z.object({ unschedulable: z.boolean() }),
  status: z.object({
    phase: z.enum(['Ready', 'NotReady', 'Unknown']),
    conditions: z.array(condition),
    accelerator: accelerator.nullable(),
    acceleratorReason: z.string(),
    agentVersion: z.string(),
    guestVersion: z.string(),
    hypervisorVersion: z.string(),
    kernelVersion: z.string(),
    capacity: hostCapacity,
    used: z.object({ pods: z.number().int(), memoryMiB: z.number().int(), milliCpu: z.number().int() }),
    lastHeartbeat: z.string().nullable(),
    /** When an operator declared it lost; null: nobody did. */
    lostSince: z.string().nullable(),
  }),
})
export type HostView = z.infer<typeof hostView>
