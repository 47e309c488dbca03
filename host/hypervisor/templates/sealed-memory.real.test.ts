import { mkdtemp, open, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { run } from '@/platform/exec'
import { sha256 } from '../testing/test-hypervisor'
import { endStrayHolders, holderPath, holds, holdSealedCopy, letGo } from './sealed-memory'

let folder: string
let file: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sealed-'))
  file = join(folder, 'memory')
  const handle = await open(file, 'w')
  await handle.truncate(32 << 20)
  await handle.write(Buffer.alloc(3 << 20, 'a'), 0, 3 << 20, 5 << 20)
  await handle.write(Buffer.from('end'), 0, 3, (32 << 20) - 3)
  await handle.close()
})

afterAll(() => rm(folder, { recursive: true, force: true }))

/** What an escaped guest would try on the memory it was started with, and root as well. */
const attack = String.raw`
use strict; use warnings;
open(my $memory, '+<', $ARGV[0]) or die "open: $!\n";
my @told;
push @told, 'write' if defined syswrite($memory, 'x');
push @told, 'truncate' if truncate($memory, 4096);
push @told, 'grow' if truncate($memory, 64 << 20);
push @told, 'punch' if syscall(285, fileno($memory), 1 | 2, 5 << 20, 4096) >= 0;
push @told, 'zero' if syscall(285, fileno($memory), 16, 5 << 20, 4096) >= 0;
push @told, 'map' if syscall(9, 0, 4096, 1 | 2, 1, fileno($memory), 0) != -1;
push @told, 'unseal' if fcntl($memory, 1033, 0);
print join(' ', 'tried', @told);
`

test('sealed memory is the file, byte for byte, and nobody can change it', async () => {
  const holder = await holdSealedCopy(file, 'test', file)
  try {
    const before = await sha256(file)
    expect(await sha256(holderPath(holder))).toBe(before)
    expect((await run('perl', ['-e', attack, '--', holderPath(holder)])).stdout).toBe('tried')
    const handle = await open(holderPath(holder), 'r')
    await handle.close()
    expect(await sha256(holderPath(holder))).toBe(before)
    expect(await holds(holder)).toBe(true)
  } finally {
    await letGo(holder)
  }
  expect(await holds(holder)).toBe(false)
})

test('a copy that cannot be made says why', async () => {
  await expect(holdSealedCopy(join(folder, 'missing'), 'test', file)).rejects.toThrow(/missing: No such file/)
})

test('holders that nobody knows are ended, others stay', async () => {
  const prefix = `test${process.pid}`
  const [known, stray, foreign] = await Promise.all([holdSealedCopy(file, `${prefix}-known`, file), holdSealedCopy(file, `${prefix}-stray`, file), holdSealedCopy(file, `other${process.pid}-x`, file)])
  try {
    await endStrayHolders(prefix, new Set([known.process.pid]))
    await letGo(stray)
    expect([await holds(known), await holds(stray), await holds(foreign)]).toEqual([true, false, true])
  } finally {
    await Promise.all([letGo(known), letGo(stray), letGo(foreign)])
  }
})
