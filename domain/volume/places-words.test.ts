import { expect, it } from 'vitest'
import { podSpec } from '../pod/spec'
import { placesInSpec, placesInWords } from './places-words'

it('finds where a spec has a volume, as a folder and as a device', () => {
  const container = (name: string, more: object) => ({ name, image: 'busybox', ...more })
  const spec = podSpec.parse({
    initContainers: [container('first', { volumeMounts: [{ name: 'data', mountPath: '/srv' }] })],
    containers: [container('a', { volumeMounts: [{ name: 'data', mountPath: '/data' }] }), container('b', { volumeDevices: [{ name: 'raw', devicePath: '/dev/raw' }] })],
    volumes: [{ name: 'data', cinder: { volumeID: 'd' } }, { name: 'raw', cinder: { volumeID: 'r' } }],
  })
  expect(placesInSpec(spec, 'data')).toEqual([{ container: 'first', mountPath: '/srv' }, { container: 'a', mountPath: '/data' }])
  expect(placesInSpec(spec, 'raw')).toEqual([{ container: 'b', mountPath: '/dev/raw' }])
  expect(placesInSpec(spec, 'other')).toEqual([])
})

it('says where that is, and of many places how many more', () => {
  const at = (container: string, mountPath: string) => ({ container, mountPath })
  expect(placesInWords([])).toBe('')
  expect(placesInWords([at('a', '/data')])).toBe(', at /data in the container "a"')
  expect(placesInWords([at('a', '/data'), at('b', '/data'), at('b', '/x')])).toBe(', at /data in the containers "a", "b" and at /x in the container "b"')
  expect(placesInWords(['1', '2', '3', '4', '5'].map((n) => at('a', `/${n}`)))).toMatch(/ and at 2 more$/)
  expect(placesInWords(['1', '2', '3', '4', '5'].map((n) => at(n, '/data')))).toBe(', at /data in the containers "1", "2", "3" and 2 more')
})
