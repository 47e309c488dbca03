import { z } from 'zod'
import { hotDevice, hotMount, type HotDevice, type HotMount } from '@/domain/volume/attachment'

/** To which pod, and where its containers get it. `pod`: `namespace/name`; without a namespace one of "default". `container` empty: all of them. `isBlock`: `path` is a device's, of no part. */
export type AttachDraft = { pod: string; container: string; isBlock: boolean; path: string; subPath: string; readOnly: boolean }

export const newAttachDraft = (pod: string, isBlock: boolean): AttachDraft => ({ pod, container: '', isBlock, path: isBlock ? '/dev/data' : '/data', subPath: '', readOnly: false })

/** The pod that is named; null: none is. */
export function podOf({ pod }: Pick<AttachDraft, 'pod'>): { namespace: string; name: string } | null {
  const [first, second, ...more] = pod.trim().split('/')
  if (!first || second === '' || more.length > 0) return null
  return second === undefined ? { namespace: 'default', name: first } : { namespace: first, name: second }
}

/** What is sent, of a pod with these containers. */
export function placesOf({ container, isBlock, path, subPath, readOnly }: AttachDraft, containers: readonly string[]): { mounts: HotMount[] } | { devices: HotDevice[] } {
  const named = container === '' ? containers : [container]
  if (isBlock) return { devices: named.map((each) => ({ container: each, devicePath: path.trim() })) }
  return { mounts: named.map((each) => ({ container: each, mountPath: path.trim(), ...(subPath.trim() && { subPath: subPath.trim() }), readOnly })) }
}

/** The form's field of a path as the server writes it: `mounts[0].mountPath` and `devices[0].devicePath` are `path`. */
export function attachFieldOf(path: string): string {
  if (path.startsWith('pod')) return 'pod'
  const field = path.replace(/^(mounts|devices)(\.\d+|\[\d+\])?\.?/, '')
  return field === '' || field === 'mountPath' || field === 'devicePath' ? 'path' : field
}

/** The same rules as the server's, a problem at each field that has one. */
export const attachDraftSchema = z.custom<AttachDraft>().superRefine((draft, context) => {
  const problem = (path: string, message: string) => context.addIssue({ code: 'custom', path: [path], message })
  if (!podOf(draft)) problem('pod', 'must be a pod as namespace/name: choose one')
  const places = placesOf(draft, ['any'])
  const checked = 'devices' in places ? hotDevice.safeParse(places.devices[0]) : hotMount.safeParse(places.mounts[0])
  for (const { path, message } of checked.error?.issues ?? []) problem(attachFieldOf(path.map(String).join('.')), message)
})
