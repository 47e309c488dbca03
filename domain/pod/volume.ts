import { z } from 'zod'
import { dnsLabel, dnsSubdomain } from '../shared/names'
import { fsType } from '../volume/spec'
import { configurationKey, resourceFieldRef, volumeFieldRef } from './environment'
import { duplicates, memoryQuantity, relativePath, wholeNumber } from './fields'

/** The volumes of a pod, by Kubernetes' v1 names and defaults: those that live in its own machine, and those that outlive it (persistent-volumes.ts). */
const emptyDir = z.strictObject({ medium: z.enum(['', 'Memory'], { error: 'must be "" or "Memory"' }).default(''), sizeLimit: memoryQuantity.optional() })
const mode = wholeNumber(0, 0o777)
const optional = z.boolean().default(false)
const items = z.array(z.strictObject({ key: configurationKey, path: relativePath, mode: mode.optional() })).max(1000).optional()
const downwardItem = z
  .strictObject({ path: relativePath, mode: mode.optional(), fieldRef: volumeFieldRef.optional(), resourceFieldRef: resourceFieldRef.optional() })
  .refine((i) => (i.fieldRef === undefined) !== (i.resourceFieldRef === undefined), 'must have exactly one of fieldRef and resourceFieldRef')
const downwardItems = z.array(downwardItem).max(1000).default([]).superRefine((list, context) => {
  for (const i of duplicates(list.map((item) => item.path))) context.addIssue({ code: 'custom', path: [i, 'path'], message: 'is the path of another item' })
})
const projection = z
  .strictObject({
    configMap: z.strictObject({ name: dnsSubdomain, items, optional }).optional(),
    secret: z.strictObject({ name: dnsSubdomain, items, optional }).optional(),
    downwardAPI: z.strictObject({ items: downwardItems }).optional(),
  })
  .refine((s) => Object.values(s).filter((v) => v !== undefined).length === 1, 'must have exactly one of configMap, secret, downwardAPI')

const readOnly = z.boolean({ error: 'must be true or false' }).default(false)
/** A Volume of the pod's tenant. `fsType` is what a blank one is given; what stands on one that is not blank wins. */
const cinder = z.strictObject({ volumeID: dnsSubdomain, fsType: fsType.optional(), readOnly })
const persistentVolumeClaim = z.strictObject({ claimName: dnsSubdomain, readOnly })

const sources = {
  emptyDir: emptyDir.optional(),
  configMap: z.strictObject({ name: dnsSubdomain, items, defaultMode: mode.default(0o644), optional }).optional(),
  secret: z.strictObject({ secretName: dnsSubdomain, items, defaultMode: mode.default(0o644), optional }).optional(),
  downwardAPI: z.strictObject({ items: downwardItems, defaultMode: mode.default(0o644) }).optional(),
  projected: z.strictObject({ sources: z.array(projection).max(50).default([]), defaultMode: mode.default(0o644) }).optional(),
  cinder: cinder.optional(),
  persistentVolumeClaim: persistentVolumeClaim.optional(),
}
export const volumeSpec = z.strictObject({ name: dnsLabel, ...sources }).superRefine((volume, context) => {
  const given = Object.keys(sources).filter((name) => volume[name as keyof typeof sources] !== undefined)
  if (given.length !== 1) context.addIssue({ code: 'custom', message: `must have exactly one of ${Object.keys(sources).join(', ')}` })
})
export type VolumeSpec = z.infer<typeof volumeSpec>

/** Whether a volume is a disk of its own, which is there before its pod and stays after it. */
export const isPersistentVolume = (volume: VolumeSpec): boolean => volume.cinder !== undefined || volume.persistentVolumeClaim !== undefined
/** Whether a volume's files come from configuration rather than from the containers. */
export const isConfigurationVolume = (volume: VolumeSpec): boolean => volume.emptyDir === undefined && !isPersistentVolume(volume)
