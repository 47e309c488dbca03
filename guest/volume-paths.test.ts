import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { filePathParts, subPathParts } from '@/guest/volume-paths'

describe('paths in volumes', () => {
  it('of files are names below the volume', () => {
    expect(filePathParts('a/b.conf')).toEqual(['a', 'b.conf'])
    expect(filePathParts('a/..b')).toEqual(['a', '..b'])
    for (const path of ['', '/etc/passwd', '../x', 'a/../../x', 'a//b', './a', 'a/', '..data', '..version_1/x', 'a\0b', 'x'.repeat(256)]) {
      expect(() => filePathParts(path), path).toThrow(expect.objectContaining({ code: 'InvalidRequest', object: path }))
    }
  })

  it('of mounts never lead upwards', () => {
    expect(subPathParts('logs/./web/')).toEqual(['logs', 'web'])
    for (const path of ['/etc', '..', 'a/../..', 'a/..']) expect(() => subPathParts(path), path).toThrow(expect.objectContaining({ code: 'InvalidRequest' }))
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('a', '.', '/', '\0'), maxLength: 12 }), (path) => {
        try {
          expect(subPathParts(path).every((part) => /^[a.]+$/.test(part) && part !== '..')).toBe(true)
        } catch (error) {
          expect(error).toMatchObject({ code: 'InvalidRequest' })
        }
      }),
    )
  })
})
