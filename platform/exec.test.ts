import { describe, expect, it } from 'vitest'
import { ExecError, run } from './exec'

describe('run', () => {
  it('passes arguments unchanged, without a shell', async () => {
    const { stdout } = await run('printf', ['%s', '$(id); `id` | cat'])
    expect(stdout).toBe('$(id); `id` | cat')
  })
  it('gives input and closes it', async () => {
    expect((await run('cat', [], { input: 'héllo' })).stdout).toBe('héllo')
  })
  it('reports the code and the end of stderr', async () => {
    const error = await run('sh', ['-c', 'echo cause >&2; exit 3']).catch((e: unknown) => e)
    expect(error).toBeInstanceOf(ExecError)
    expect(error).toMatchObject({ code: 3, message: 'sh: exit code 3: cause' })
  })
  it('kills a command that floods', async () => {
    await expect(run('yes', [], { maxOutput: 1000 })).rejects.toThrow('printed more than 1000 bytes')
  })
  it('kills a command after its time', async () => {
    await expect(run('sleep', ['60'], { timeoutMs: 50 })).rejects.toThrow('killed by SIGKILL')
  })
  it('says when the command does not exist', async () => {
    await expect(run('no-such-command-here', [])).rejects.toThrow('ENOENT')
  })
  it('does not hand the environment of this process on', async () => {
    process.env.HYPERNETES_CANARY = 'canary'
    expect((await run('env', [])).stdout).not.toContain('canary')
    delete process.env.HYPERNETES_CANARY
  })
})
