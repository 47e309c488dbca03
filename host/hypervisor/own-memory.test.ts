import { expect, test } from 'vitest'
import { guestMemory } from './own-memory'
import { VmError } from './machine'

const maps = `561b0c1f6000-561b0c4f2000 r--p 00000000 fe:00 1318274                    /usr/bin/qemu-system-x86_64
7f2d00000000-7f2d08000000 rw-p 00000000 00:00 0 
7f2d08000000-7f2d0c000000 ---p 00000000 00:00 0 
7f2d10000000-7f2d18000000 rwxp 00000000 00:00 0 
7f2d20000000-7f2d28000000 rw-s 00000000 00:00 0 
7f2d30000000-7f2d38000000 rw-p 00000000 00:01 1031                       /memfd:template (deleted)
7f2d40000000-7f2d44000000 rw-p 00000000 00:00 0                          [heap]
`

test('the memory of a guest is the one private mapping of its size that is no file', () => {
  expect(guestMemory(maps, 128)).toBe(0x7f2d00000000n)
})

test('where no mapping or several could be it, none is written to', () => {
  expect(() => guestMemory(maps, 256)).toThrow('QEMU has 0 mappings of 256 MiB')
  expect(() => guestMemory(maps, 64)).toThrow(VmError)
  expect(() => guestMemory(`${maps}7f2e00000000-7f2e08000000 rw-p 00000000 00:00 0 \n`, 128)).toThrow('QEMU has 2 mappings of 128 MiB')
})
