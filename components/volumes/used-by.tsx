import Link from 'next/link'
import type { AttachmentView } from '@/domain/volume/view'
import { NOTHING } from '@/components/client/formats'
import { paths } from '@/components/client/paths'

/** A pod as a link; the one that is gone as words. */
export function PodLink({ tenant, pod }: { tenant: string; pod: AttachmentView['pod'] }) {
  if (!pod) return <span className="text-faint">a pod that is gone</span>
  return <Link href={paths.pod(tenant, pod.namespace, pod.name)} title={`${pod.namespace}/${pod.name}`} className="inline-flex min-h-6 min-w-0 items-center text-accent-content hover:underline"><span className="truncate">{pod.name}</span></Link>
}

/** Who has a volume, or waits for it: the first by name. */
export function UsedBy({ tenant, attachments }: { tenant: string; attachments: readonly AttachmentView[] }) {
  const [first] = attachments
  if (!first) return <span className="text-faint">{NOTHING}</span>
  return <span className="inline-flex min-w-0 items-baseline gap-1.5"><PodLink tenant={tenant} pod={first.pod} />{attachments.length > 1 && <span className="shrink-0 text-xs text-faint">and {attachments.length - 1} more</span>}</span>
}
