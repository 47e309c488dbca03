import { isRecord, list, record, word } from './draft-container'

/** A volume of the pod that the form shows: one of the tenant's, or a claim of the namespace; `other` is what only the YAML shows, such as an emptyDir. */
export type VolumeOfDraft = { name: string; from: 'cinder' | 'persistentVolumeClaim' | 'other'; object: string }

const names = { cinder: 'volumeID', persistentVolumeClaim: 'claimName' } as const
export type ShownKind = keyof typeof names

export const readVolumes = (value: unknown): VolumeOfDraft[] => list(value).map(record).map((volume) => {
  const name = word(volume['name'])
  for (const from of ['cinder', 'persistentVolumeClaim'] as const) if (isRecord(volume[from])) return { name, from, object: word(volume[from][names[from]]) }
  return { name, from: 'other', object: '' }
})

/** Where its object's name stands in the manifest. */
export const objectPath = (from: ShownKind): [string, string] => [from, names[from]]
export const newVolume = (name: string, from: ShownKind) => ({ name, [from]: { [names[from]]: '' } })

/** A name within the pod that no other volume of it has. */
export function freeName(volumes: readonly Pick<VolumeOfDraft, 'name'>[]): string {
  const taken = new Set(volumes.map(({ name }) => name))
  for (let i = volumes.length + 1; ; i += 1) if (!taken.has(`volume-${i}`)) return `volume-${i}`
}
