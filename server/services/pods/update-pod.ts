import { z } from 'zod'
import { checkedPodAnnotations } from '@/domain/pod/manifest'
import type { PodView } from '@/domain/pod/view'
import { notFound } from '@/domain/shared/errors'
import { labels } from '@/domain/shared/names'
import type { Scope } from '@/server/auth/scope'
import { inTransaction } from '@/server/store/database'
import { findPod, updatePodMetadata } from '@/server/store/pods'
import { recordAudit } from '@/server/store/records'
import type { ServerContext } from '../context'
import { podReference } from './delete-pod'
import { getPod } from './read-pods'
import { admitStorageWay } from './storage-way'

export const updatePodInput = podReference.extend({ labels, annotations: checkedPodAnnotations })

/** Labels and annotations are what may change of a pod; its spec may not. */
export async function updatePod(ctx: ServerContext, scope: Scope, { namespace, name, labels, annotations }: z.output<typeof updatePodInput>): Promise<PodView> {
  await inTransaction(ctx.db, async (tx) => {
    const pod = await findPod(tx, scope, namespace, name)
    if (!pod) throw notFound('Pod', name)
    await admitStorageWay(tx, ctx, scope, { annotations, before: pod.annotations })
    await updatePodMetadata(tx, scope, pod.uid, { labels, annotations })
    await recordAudit(tx, scope, { action: 'pod.update', kind: 'Pod', namespace, name })
  })
  return getPod(ctx, scope, { namespace, name })
}
