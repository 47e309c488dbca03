import { describe, expect, it } from 'vitest'
import { cleanPath, inFolder, parentOf, stepsOf } from './container-path'

describe('a path in a container', () => {
  it.each([['', '/'], ['/', '/'], ['etc', '/etc'], ['/etc//nginx/', '/etc/nginx'], ['/a/./b/../c', '/a/c'], ['/../../x', '/x']])('%j is %j', (typed, path) => expect(cleanPath(typed)).toBe(path))
  it('has a parent and steps', () => {
    expect([parentOf('/a/b'), parentOf('/a'), parentOf('/'), inFolder('/', 'a'), inFolder('/a', 'b')]).toEqual(['/a', '/', '/', '/a', '/a/b'])
    expect(stepsOf('/a/b')).toEqual([{ name: '/', path: '/' }, { name: 'a', path: '/a' }, { name: 'b', path: '/a/b' }])
  })
})
