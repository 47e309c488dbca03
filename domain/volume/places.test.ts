import { expect, it } from 'vitest'
import { kernelFolderOf, placeRefusal, plainPath } from './places'

it('takes a path for what it leads to', () => {
  expect(['/data', '//data/./x//', '/', '/./'].map(plainPath)).toEqual(['/data', '/data/x', '/', '/'])
})

it('keeps volumes off the kernel\'s folders, however they are written, and not off what is only called alike', () => {
  expect(['/proc', '/proc/', '//proc', '/./proc/self', '/sys/fs/cgroup', '/dev', '/dev/disk'].map(kernelFolderOf)).toEqual(['/proc', '/proc', '/proc', '/proc', '/sys', '/dev', '/dev'])
  expect(['/process', '/data/proc', '/system', '/devices', '/dev/shm', '/dev/shm/cache', '/run/secrets', '/etc', '/'].map(kernelFolderOf)).toEqual(Array(9).fill(null))
})

it('says what is in the way, and what to do', () => {
  expect(placeRefusal('//proc/', 'folder')).toBe('must not be /proc, for the kernel\'s own files are there, and without them no program can be started in the container: name another path, such as /data')
  expect(placeRefusal('/dev/disk', 'folder')).toBe('must not be below /dev, for the container\'s devices are there: name another path, such as /data')
  expect(placeRefusal('//', 'folder')).toContain('must be a folder below "/"')
  expect(placeRefusal('/data', 'folder')).toBeNull()
  expect(placeRefusal('/dev/shm', 'folder')).toBeNull()
})

it('lets a device be where devices are', () => {
  expect(placeRefusal('/dev/data', 'device')).toBeNull()
  expect(placeRefusal('/dev/', 'device')).toContain('must not be /dev, for the container\'s devices are there: name a path below /dev')
  expect(placeRefusal('/sys/data', 'device')).toContain('must not be below /sys')
  expect(placeRefusal('/', 'device')).toContain('such as /dev/data')
})
