import { expect, it } from 'vitest'
import { volumeSnapshotSpec } from './spec'

it('a snapshot is of one volume, by its name or by its claim', () => {
  expect(volumeSnapshotSpec.parse({ source: { volumeName: 'data' } })).toEqual({ source: { volumeName: 'data' }, consistency: 'CrashConsistent' })
  const problem = (value: object): string => volumeSnapshotSpec.safeParse(value).error?.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; ') ?? 'none'
  expect(problem({ source: { persistentVolumeClaimName: 'data', namespace: 'shop' }, consistency: 'FilesystemConsistent' })).toBe('none')
  expect(problem({ source: {} })).toBe('source: must have exactly one of volumeName and persistentVolumeClaimName')
  expect(problem({ source: { volumeName: 'a', persistentVolumeClaimName: 'b' } })).toBe('source: must have exactly one of volumeName and persistentVolumeClaimName')
  expect(problem({ source: { volumeName: 'a', namespace: 'shop' } })).toBe('source.namespace: is of a claim: volumes lie in none')
  expect(problem({ source: { volumeName: 'a' }, consistency: 'Perfect' })).toBe('consistency: must be CrashConsistent or FilesystemConsistent')
})
