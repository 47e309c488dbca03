import type { ExternalReport } from '@/contracts/host/v1/external'
import { setCondition } from './conditions'
import type { Transaction } from './database'

/**
 * What a host says of a balancer that it is to run: only while its row says that it is this host's, and only where it says something new. `Gone` makes the external
 * controller look for another host. Only the gateway calls these.
 */
export async function storeBalancerReport(tx: Transaction, hostId: string, { uid, phase, reason, message, down = [] }: ExternalReport): Promise<void> {
  const said = JSON.stringify({ phase, reason, message, down })
  await tx.$executeRaw`update "LoadBalancer" set "report" = ${said}::jsonb where "uid" = ${uid}::uuid and "hostId" = ${hostId}::uuid and not "leaving" and "report" is distinct from ${said}::jsonb`
  await tx.$executeRaw`update "FloatingAddress" set "reported" = ${phase === 'Gone' ? '' : phase} where "loadBalancerUid" = ${uid}::uuid and "hostId" = ${hostId}::uuid and "reported" <> ${phase === 'Gone' ? '' : phase}`
}

/** The same of an address that leads to a pod; why it fails, or does not answer yet (Degraded: its pod is not there, or has not taken it), stands in its condition Active. */
export async function storeAddressReport(tx: Transaction, hostId: string, { uid, phase, reason, message }: ExternalReport): Promise<void> {
  const reported = phase === 'Gone' ? '' : phase
  const held = await tx.$queryRaw<{ generation: number; reported: string }[]>`select "generation", "reported" from "FloatingAddress" where "uid" = ${uid}::uuid and "hostId" = ${hostId}::uuid and "podUid" is not null for no key update`
  const [row] = held
  if (!row) return
  if (row.reported !== reported) await tx.$executeRaw`update "FloatingAddress" set "reported" = ${reported} where "uid" = ${uid}::uuid`
  const status = phase === 'Active' ? 'True' : 'False'
  await setCondition(tx, { objectUid: uid, objectKind: 'FloatingAddress', type: 'Active', status, reason: reason || phase, message: message || (status === 'True' ? 'Its host answers for it.' : 'Its host does not answer for it.'), observedGeneration: row.generation })
}
