import { mkdtemp, open, readFile, readdir, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, vi } from 'vitest'
import { run } from '@/platform/exec'
import { lastWords, launchQemu } from './launch'

it('the last words are the end of the file, however large it is, and of no file that it only points to', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'launch-'))
  try {
    const path = join(folder, 'stderr')
    const file = await open(path, 'w')
    await file.write('qemu: it failed\n', 2 ** 40)
    await file.close()
    expect(await lastWords(path)).toBe('qemu: it failed')
    await symlink(path, join(folder, 'link'))
    expect(await lastWords(join(folder, 'link'))).toBe('')
    expect(await lastWords(join(folder, 'none'))).toBe('')
  } finally {
    await rm(folder, { recursive: true })
  }
})

/** Processes that have this word among their arguments. */
async function processesWith(word: string): Promise<string[]> {
  const found = await Promise.all((await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(async (pid) => ((await readFile(`/proc/${pid}/cmdline`, 'latin1').catch(() => '')).split('\0').includes(word) ? pid : '')))
  return found.filter(Boolean)
}

it('a start that hangs before QEMU is known ends when it is aborted, and after its time; nothing of it is left', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'launch-'))
  // A namespace that opens for nobody: who opens a FIFO waits for its other end.
  const namespace = join(folder, 'namespace')
  const launch = { binary: 'true', arguments: [], uid: 65_534, folder, stderrFile: join(folder, 'stderr'), files: {}, network: { namespace, tap: 'tap0' }, kvmNode: null, cgroups: [], dieWithAgent: false }
  try {
    await run('mkfifo', [namespace])
    const abort = new AbortController()
    const aborted = launchQemu({ ...launch, signal: abort.signal })
    aborted.catch(() => {})
    await vi.waitFor(async () => expect(await processesWith(namespace)).not.toEqual([]), { timeout: 20_000 })
    abort.abort(new Error('not wanted any more'))
    await expect(aborted).rejects.toThrow('not wanted any more')
    await expect(launchQemu({ ...launch, signal: new AbortController().signal, timeoutMs: 200 })).rejects.toThrow('did not come to QEMU in 0.2 s')
    await vi.waitFor(async () => expect(await processesWith(namespace)).toEqual([]), { timeout: 20_000 })
  } finally {
    await rm(folder, { recursive: true })
  }
})
