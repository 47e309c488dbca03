import { mkdir, mkdtemp, open, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { command, NoAnswer } from './runtime'

it('a socket is asked however deep its folder is: the kernel takes no address longer than 107 bytes', async () => {
  const top = await mkdtemp(join(tmpdir(), 'hypernetes-deep-'))
  const folder = join(top, 'x'.repeat(120))
  await mkdir(folder)
  const opened = await open(folder)
  const server = createServer((client) => client.once('data', (asked) => client.end(`you asked ${asked.toString('utf8').trim()}`)))
  try {
    await new Promise<void>((resolve) => server.listen(`/proc/self/fd/${opened.fd}/worker.sock`, resolve))
    expect(await command(join(folder, 'worker.sock'), 'show info')).toBe('you asked show info')
    await expect(command(join(folder, 'none.sock'), 'show info')).rejects.toThrow(NoAnswer)
    await expect(command(join(top, 'none', 'worker.sock'), 'show info')).rejects.toThrow(NoAnswer)
  } finally {
    server.close()
    await opened.close()
    await rm(top, { recursive: true, force: true })
  }
})
