import { z } from 'zod'
import { portName } from '../service/spec'
import { balancerModel, partName } from './model'

/**
 * A balancer as it is stored: what it does, which service's port each of its backends stands for, and which Secrets its certificates are. `port`: the
 * name of the service's port, or its number where it has no name.
 */
export const compiledBalancer = z.object({
  model: balancerModel,
  services: z.array(z.object({ backend: partName, service: z.string().max(63), port: z.union([portName, z.number().int().min(1).max(65535)]) })).max(200),
  /** `id`: the Secret's uid, as listeners name it. */
  certificates: z.array(z.object({ id: z.uuid(), secret: z.string().max(253) })).max(100),
})
export type CompiledBalancer = z.infer<typeof compiledBalancer>
