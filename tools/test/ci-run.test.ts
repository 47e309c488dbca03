import { execFile } from 'node:child_process'
import { chmod, copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { root } from '../setup/paths.mjs'

describe('what continuous integration runs', () => {
  let folder: string
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'ci-'))
    for (const name of ['.ci', 'bin']) await mkdir(join(folder, name))
    await copyFile(join(root, '.ci/run'), join(folder, '.ci/run'))
  })
  afterEach(() => rm(folder, { recursive: true, force: true }))

  /** With a program in the place of npm, which notes what it is asked for. */
  async function run(npm: string, seconds?: string): Promise<{ code: number; asked: string[]; said: string }> {
    const [program, asked] = [join(folder, 'bin/npm'), join(folder, 'asked')]
    await writeFile(program, `#!/usr/bin/env bash\necho "$*" >> ${asked}\n${npm}\n`)
    await chmod(program, 0o755)
    const env = { ...process.env, PATH: `${join(folder, 'bin')}:${process.env.PATH ?? ''}`, HYPERNETES_CI_SECONDS: seconds }
    const [code, said] = await new Promise<[number, string]>((resolve) => {
      execFile('bash', [join(folder, '.ci/run')], { env }, (error, _, stderr) => resolve([error ? Number(error.code) : 0, stderr]))
    })
    return { code, said, asked: (await readFile(asked, 'utf8').catch(() => '')).trim().split('\n') }
  }

  it('is the usual tests, then what takes long; and nothing more where one fails', async () => {
    expect(await run('exit 0')).toEqual({ code: 0, said: '', asked: ['test', 'test -- long upgrade'] })
    await rm(join(folder, 'asked'))
    expect(await run('exit 3')).toEqual({ code: 3, said: '', asked: ['test'] })
  })

  it('is ended with all that it began when its time is over, and says so', async () => {
    const pid = join(folder, 'pid')
    const { code, said, asked } = await run(`sleep 600 & echo $! > ${pid}; wait`, '5')
    expect([code, asked]).toEqual([124, ['test']])
    expect(said).toContain('"npm test" was ended, and all of this has failed: it took longer than the 5 s that there are')
    const left = Number(await readFile(pid, 'utf8'))
    await expect.poll(() => readFile(`/proc/${left}/cmdline`, 'utf8').catch(() => '')).toBe('')
    expect((await run('exit 0', 'soon')).said).toContain('HYPERNETES_CI_SECONDS is "soon"')
  })
})
