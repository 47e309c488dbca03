import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { link, mkdtemp, open, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { openForWriting } from './open-for-writing'

it('finds what a process can write, under whatever name it has it, and nothing that it only reads or has closed', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'writing-'))
  const [written, read, other, mapped, missing] = ['written', 'read', 'other', 'mapped', 'missing'].map((name) => join(folder, name)) as [string, string, string, string, string]
  for (const file of [written, read, mapped]) await writeFile(file, 'x'.repeat(4096))
  await link(written, other)
  const handles = [await open(written, 'r+'), await open(read, 'r')]
  // mmap, shared and for writing, and the descriptor closed.
  const child = spawn('perl', ['-e', 'open(my $file, "+<", $ARGV[0]) or die; syscall(9, 0, 4096, 3, 1, fileno($file), 0) > 0 or die; close $file; $| = 1; print "mapped\n"; sleep 60', mapped], { stdio: ['ignore', 'pipe', 'inherit'] })
  try {
    await once(child.stdout, 'data')
    const all = [written, read, other, mapped, missing]
    expect(await openForWriting(process.pid, all)).toEqual([written, other])
    expect(await openForWriting(child.pid ?? 0, all)).toEqual([mapped])
    child.kill('SIGKILL')
    await once(child, 'exit')
    expect(await openForWriting(child.pid ?? 0, all)).toEqual([])
  } finally {
    child.kill('SIGKILL')
    for (const handle of handles) await handle.close()
    await rm(folder, { recursive: true })
  }
  expect(await openForWriting(process.pid, [written])).toEqual([])
})
