import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, readlinkSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { processOf } from './fixtures/processes'
import { expect, test } from './fixtures/test'

/** How the kernel says a list: each of it ended by a zero byte. */
const listOf = (path: string): string[] => readFileSync(path, 'utf8').split('\0').filter(Boolean)

// What Next catches it writes down, and lives on. A process that nobody can reach must end, or its supervisor takes it for well.
test('a console that cannot begin says why and ends, so that the supervisor tries again', async () => {
  const pid = processOf('web')
  if (!pid) throw new Error('the console does not run')
  const folder = mkdtempSync(join(tmpdir(), 'hypernetes-console-start-'))
  try {
    // The same as the one that runs, whose port it cannot have; with a folder of its own, for it would tidy the other's.
    const env = { ...Object.fromEntries(listOf(`/proc/${pid}/environ`).map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)])), HYPERNETES_DATA: folder, HYPERNETES_LIFELINE: '', NODE_ENV: 'production' as const }
    const [command = '', ...args] = listOf(`/proc/${pid}/cmdline`)
    const ended = await promisify(execFile)(command, args, { cwd: readlinkSync(`/proc/${pid}/cwd`), env, timeout: 120_000 }).then(
      () => 'without a fault',
      (error: unknown) => error as { code?: number; signal?: string; stdout?: string; stderr?: string },
    )
    expect(ended).toMatchObject({ code: 1, stdout: expect.stringMatching(/"level":60.*EADDRINUSE.*"the console could not begin"/) as unknown })
    expect(processOf('web'), 'the console that runs is left alone').toBe(pid)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})
