import { z } from 'zod'
import { dnsLabel } from '../shared/names'

/** A namespace names the network of its pods; without one they use the tenant's network `default`. */
export const namespaceSpec = z.strictObject({ network: dnsLabel.optional() })
export type NamespaceSpec = z.infer<typeof namespaceSpec>
