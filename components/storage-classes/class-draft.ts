import { z } from 'zod'
import { dnsLabel } from '@/domain/shared/names'
import { storageClassSpec, type StorageClassSpec } from '@/domain/storage-class/spec'
import { addLimitProblems, limitFieldOf, limitNames, limitsDraftOf, limitsOf, noLimits, type LimitsDraft } from '@/components/volumes/limits-draft'

/** A class as its form has it: limits as text, empty text for none. */
export type ClassDraft = LimitsDraft & Required<Omit<StorageClassSpec, 'limits'>> & { name: string }

export const newClassDraft = (store: string): ClassDraft => ({ name: '', store, fsType: 'ext4', reclaimPolicy: 'Delete', volumeBindingMode: 'WaitForFirstConsumer', allowVolumeExpansion: true, onFull: 'Pause', flattenClones: false, default: false, ...noLimits })

/** The form of a class as it is. */
export const classDraftOf = (name: string, { limits, ...spec }: StorageClassSpec): ClassDraft => ({ name, ...spec, ...limitsDraftOf(limits) })

/** What is sent. */
export function classSpecOf({ store, fsType, reclaimPolicy, volumeBindingMode, allowVolumeExpansion, onFull, flattenClones, default: isDefault, ...limits }: ClassDraft): z.input<typeof storageClassSpec> {
  return { store, fsType, reclaimPolicy, volumeBindingMode, allowVolumeExpansion, onFull, flattenClones, default: isDefault, limits: limitsOf(limits) }
}

/** The form's field of a path as the server or the spec writes it. */
export const classFieldOf = (path: string): string => {
  const field = path.replace(/^spec\.?/, '')
  return field.startsWith('limits') ? limitFieldOf(field) : field
}

/** The same rules as the server's, a problem at each field that has one. */
export const classDraftSchema = z.custom<ClassDraft>().superRefine((draft, context) => {
  const problem = (path: string, message: string) => context.addIssue({ code: 'custom', path: [path], message })
  const name = dnsLabel.safeParse(draft.name).error?.issues[0]?.message
  if (name) problem('name', name)
  if (!draft.store) problem('store', 'choose a store')
  addLimitProblems(draft, problem)
  for (const { path, message } of storageClassSpec.safeParse(classSpecOf(draft)).error?.issues ?? []) {
    const field = classFieldOf(path.map(String).join('.'))
    if (field !== 'store' && !limitNames.some((each) => each === field)) problem(field, message)
  }
})
