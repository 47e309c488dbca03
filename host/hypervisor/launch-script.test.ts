import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { expect, it } from 'vitest'
import { parentScript } from './launch-script'

/** How QEMU's parent ends when what it started does. */
async function endOf(...command: string[]) {
  const child = spawn('sh', ['-c', parentScript, 'sh', ...command], { stdio: 'ignore' })
  try {
    const [code, signal] = await once(child, 'exit', { signal: AbortSignal.timeout(30_000) })
    return signal ?? code
  } finally {
    child.kill('SIGKILL')
  }
}

it('QEMU’s parent ends as it ended: by the same signal, with the same code, and stops at no code that looks like a signal', async () => {
  expect(await Promise.all([0, 1, 127].map((code) => endOf('sh', '-c', `exit ${code}`)))).toEqual([0, 1, 127])
  expect(await Promise.all(['KILL', 'TERM', 'SEGV', 'ABRT', 'SYS'].map((signal) => endOf('sh', '-c', `kill -${signal} $$`)))).toEqual(['SIGKILL', 'SIGTERM', 'SIGSEGV', 'SIGABRT', 'SIGSYS'])
  // 128 + STOP, TSTP, CONT and what is no signal at all.
  expect(await Promise.all([147, 148, 146, 255].map((code) => endOf('sh', '-c', `exit ${code}`)))).toEqual([147, 148, 146, 255])
})
