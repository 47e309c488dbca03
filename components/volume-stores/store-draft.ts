import { z } from 'zod'
import { dnsLabel } from '@/domain/shared/names'
import { volumeStoreSpec, type VolumeStoreSpec } from '@/domain/volume-store/spec'

/** A store as its form has it: text as it is typed, lists a line each. `key`: of the user of Ceph; it is sent and never told again. */
export type StoreDraft = { name: string; kind: VolumeStoreSpec['kind']; folder: string; shared: boolean; monitors: string; pool: string; user: string; networks: string; key: string }

export const newStoreDraft = (): StoreDraft => ({ name: '', kind: 'file', folder: '', shared: false, monitors: '', pool: '', user: '', networks: '', key: '' })

/** The form of a store as it is; its key stays where none is typed. */
export function storeDraftOf(name: string, spec: VolumeStoreSpec): StoreDraft {
  const draft = { ...newStoreDraft(), name, kind: spec.kind }
  return spec.kind === 'file' ? { ...draft, folder: spec.folder ?? '', shared: spec.shared } : { ...draft, monitors: spec.monitors.join('\n'), pool: spec.pool, user: spec.user, networks: spec.networks.join('\n') }
}

const lines = (text: string): string[] => text.split(/[\s,]+/).filter(Boolean)

/** What is sent beside the key. */
export function storeSpecOf({ kind, folder, shared, monitors, pool, user, networks }: StoreDraft): z.input<typeof volumeStoreSpec> {
  return kind === 'file' ? { kind, ...(folder.trim() && { folder: folder.trim() }), shared } : { kind, monitors: lines(monitors), pool: pool.trim(), user: user.trim(), networks: lines(networks) }
}

/** The form's field of a path as the server or the spec writes it: `spec.monitors[0]` is `monitors`. */
export const storeFieldOf = (path: string): string => path.replace(/^spec\.?/, '').replace(/[.[].*$/, '') || 'kind'

/** Of a list it is said which line: the field has them all. */
const said = (path: readonly PropertyKey[], message: string): string => (typeof path[1] === 'number' ? `line ${path[1] + 1}: ${message}` : message)

/** The same rules as the server's, a problem at each field that has one. `needsKey`: it has none yet. */
export const storeDraftSchemaOf = (needsKey: boolean) => z.custom<StoreDraft>().superRefine((draft, context) => {
  const problem = (path: string, message: string) => context.addIssue({ code: 'custom', path: [path], message })
  const name = dnsLabel.safeParse(draft.name).error?.issues[0]?.message
  if (name) problem('name', name)
  for (const { path, message } of volumeStoreSpec.safeParse(storeSpecOf(draft)).error?.issues ?? []) problem(storeFieldOf(path.map(String).join('.')), said(path, message))
  if (draft.kind === 'rbd' && needsKey && !draft.key.trim()) problem('key', 'is required: hosts open images with it')
})
