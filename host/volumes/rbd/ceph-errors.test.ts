import { expect, test } from 'vitest'
import { ExecError } from '@/platform/exec'
import { cephError, unless } from './ceph-errors'

const ended = (code: number | null, stderr = '', cause = 'ended') => new ExecError('rbd', code, null, stderr, cause)

test('a failure of Ceph says the store, what was asked, and what to do', () => {
  expect(cephError('fast', 'rbd create', ended(28, 'lines of a library\nrbd: create error: (28) No space left on device'))).toMatchObject({ code: 'NoSpace', object: 'fast', errno: 28, message: 'The store fast could not do rbd create: the cluster is full: free some of it, or add to it (rbd: create error: (28) No space left on device).' })
  expect(cephError('fast', 'rbd ls', ended(null))).toMatchObject({ code: 'Unreachable', errno: null, message: expect.stringContaining('look at its monitors') })
  expect(cephError('fast', 'rbd create', ended(22))).toMatchObject({ code: 'Unreachable', errno: 22, message: expect.stringContaining('takes it for invalid') })
  for (const busy of [30, 116]) expect(cephError('fast', 'rbd rm', ended(busy))).toMatchObject({ code: 'Conflict', errno: busy, message: expect.stringContaining('it is tried again') })
  expect(cephError('fast', 'ceph df', ended(null, '', 'spawn ceph ENOENT'))).toMatchObject({ code: 'Unreachable', message: expect.stringContaining('apt-get install ceph-common qemu-block-extra') })
  expect(cephError('fast', 'rados stat', ended(1, 'error stat-ing: (2) No such file or directory'))).toMatchObject({ code: 'NotFound', errno: 2 })
})

test('what was done already is no failure, and another one is', () => {
  const failure = cephError('fast', 'rbd rm', ended(2))
  expect(unless([2], 'gone')(failure)).toBe('gone')
  expect(() => unless([17], 'there')(failure)).toThrow(failure)
})
