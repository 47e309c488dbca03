import { expect, it } from 'vitest'
import { volumeMethods } from './volumes'

it('what the guest is asked for volumes is bounded', () => {
  const attach = { volume: 'data', serial: 'v0123456789abcdef012', fsType: 'ext4', mode: 'filesystem', readOnly: false, format: true, populate: null }
  expect(volumeMethods.attachVolume.safeParse(attach).success).toBe(true)
  for (const bad of [{ serial: 'v0123456789abcdef0123' }, { serial: 'a b' }, { serial: '-x' }, { fsType: 'btrfs' }, { volume: '../x' }]) expect(volumeMethods.attachVolume.safeParse({ ...attach, ...bad }).success, JSON.stringify(bad)).toBe(false)
  expect(volumeMethods.freezeVolumes.safeParse({ volumes: ['data'], timeoutMilliseconds: 10_001 }).success).toBe(false)
  expect(volumeMethods.freezeVolumes.safeParse({ volumes: [], timeoutMilliseconds: 100 }).success).toBe(false)
  expect(volumeMethods.mountVolume.safeParse({ container: 'a', volume: 'data', path: 'relative', subPath: '', readOnly: false }).success).toBe(false)
})
