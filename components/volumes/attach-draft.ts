import { z } from 'zod'
import { hotMount, type HotMount } from '@/domain/volume/attachment'

/** To which pod, and where its containers get it. `pod`: `namespace/name`; without a namespace one of "default". `container` empty: all of them. */
export type AttachDraft = { pod: string; container: string; mountPath: string; subPath: string; readOnly: boolean }

export const newAttachDraft = (pod: string): AttachDraft => ({ pod, container: '', mountPath: '/data', subPath: '', readOnly: false })

/** The pod that is named; null: none is. */
export function podOf({ pod }: Pick<AttachDraft, 'pod'>): { namespace: string; name: string } | null {
  const [first, second, ...more] = pod.trim().split('/')
  if (!first || second === '' || more.length > 0) return null
  return second === undefined ? { namespace: 'default', name: first } : { namespace: first, name: second }
}

/** What is sent, of a pod with these containers. */
export const mountsOf = ({ container, mountPath, subPath, readOnly }: AttachDraft, containers: readonly string[]): HotMount[] =>
  (container === '' ? containers : [container]).map((each) => ({ container: each, mountPath: mountPath.trim(), ...(subPath.trim() && { subPath: subPath.trim() }), readOnly }))

/** The form's field of a path as the server writes it: `mounts.0.mountPath` is `mountPath`. */
export const attachFieldOf = (path: string): string => (path.startsWith('pod') ? 'pod' : path.replace(/^mounts(\.\d+)?\.?/, '') || 'mountPath')

/** The same rules as the server's, a problem at each field that has one. */
export const attachDraftSchema = z.custom<AttachDraft>().superRefine((draft, context) => {
  const problem = (path: string, message: string) => context.addIssue({ code: 'custom', path: [path], message })
  if (!podOf(draft)) problem('pod', 'must be a pod as namespace/name: choose one')
  const [mount] = mountsOf(draft, ['any'])
  for (const { path, message } of hotMount.safeParse(mount).error?.issues ?? []) problem(attachFieldOf(path.map(String).join('.')), message)
})
