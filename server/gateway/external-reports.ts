import type { ExternalReport } from '@/contracts/host/v1'
import type { Transaction } from '@/server/store/database'
import { storeAddressReport, storeBalancerReport } from '@/server/store/external-reports'
import { holdExternal, listOwners } from '@/server/store/external-state'
import { keyOfReport } from './held-external'
import type { HostSession } from './host-sessions'

/** Stores what a host says of addresses and balancers that are its own; of others' it has no say. An answer to a removal is no word on what it is told to have. */
export async function storeExternalReports(tx: Transaction, { hostId, held, takesExternal }: HostSession, reports: readonly ExternalReport[]): Promise<void> {
  if (!takesExternal || reports.length === 0) return
  await holdExternal(tx, await listOwners(tx, reports.map(({ uid }) => uid)))
  for (const report of reports) {
    if (report.phase === 'Gone' && held.isLeaving(keyOfReport(report))) continue
    if (report.kind === 'balancer') await storeBalancerReport(tx, hostId, report)
    else await storeAddressReport(tx, hostId, report)
  }
}

/** After the report was stored: what the host holds, and what it has let go of. */
export function settleExternal(session: HostSession, reports: readonly ExternalReport[], complete: boolean): void {
  if (!session.takesExternal) return
  const begins = complete && !session.held.isReady
  if (begins) session.held.begin(reports)
  const settled = reports.map((report) => session.held.settle(report)).some(Boolean)
  if (begins || settled) session.wakeExternal()
}
