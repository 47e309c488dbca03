import { inTransaction } from '@/server/store/database'
import { deleteClaimsOf, deletePodsOf, listDeletedNamespaces, removeNamespace } from '@/server/store/namespace-removal'
import type { Controller } from '../../runtime/controller'

/** Empties namespaces that are being deleted, then removes them. */
export const namespaceController: Controller = {
  name: 'namespace',
  workers: 1,
  resyncSeconds: 30,
  keysOf: (change) => ((change.kind === 'Namespace' && change.action === 'modified') || ((change.kind === 'Pod' || change.kind === 'VolumeClaim') && change.action === 'deleted') ? ['all'] : []),
  allKeys: () => Promise.resolve(['all']),
  reconcile: async (ctx) => {
    for (const { uid, tenantId, name } of await listDeletedNamespaces(ctx.db)) {
      await inTransaction(ctx.db, async (tx) => {
        const left = (await deletePodsOf(tx, tenantId, name)) + (await deleteClaimsOf(tx, tenantId, name))
        if (left === 0) await removeNamespace(tx, { uid, tenantId, name })
      }, { repeatable: true })
    }
  },
}
