import { expect, it } from 'vitest'
import { realPath } from './real-path'

const links: Readonly<Record<string, string>> = { '/data': '/proc', '/deep/er': '../data/sys', '/up': '../../../proc', '/run/shm': '/dev/shm', '/round': 'round', '/plain': 'x' }
const real = (path: string) => realPath(path, (at) => links[at])

it('follows links of a container within its root', () => {
  expect(['/data', '/data/x/', '//deep/./er', '/up/self', '/run/shm/a', '/plain', '/none/../data', '/'].map(real)).toEqual(['/proc', '/proc/x', '/proc/sys', '/proc/self', '/dev/shm/a', '/x', '/proc', '/'])
})

it('ends where they go round', () => {
  expect(real('/round')).toBeUndefined()
})
