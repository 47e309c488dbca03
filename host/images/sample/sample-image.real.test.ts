import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { run } from '@/platform/exec'
import { storeFixture } from '../testing/store-fixture'
import { ensureSampleImage } from './sample-image'

const fixture = storeFixture(() => 'registry.invalid')
const { open } = fixture

describe('the sample image', () => {
  it('needs no registry, is made once, and serves its page', async () => {
    const store = await open({ defaultRegistry: 'registry.invalid' })
    const image = await ensureSampleImage(store)
    expect(await ensureSampleImage(store)).toEqual(image)
    expect(await store.ensure('hypernetes/sample', { pullPolicy: 'Always' })).toEqual(image)
    expect(image.config).toMatchObject({ entrypoint: ['/bin/serve'], user: '10001:10001', exposedPorts: ['8080/tcp'] })
    const root = join(fixture.folder, 'root')
    await run('unsquashfs', ['-quiet', '-no-progress', '-d', root, image.squashfs])
    const port = await freePort()
    const sandbox = ['--unshare-pid', '--unshare-uts', '--hostname', 'first-pod', '--uid', '10001', '--gid', '10001', '--unshare-user', '--bind', root, '/', '--proc', '/proc', '--dev', '/dev', '--as-pid-1', '--die-with-parent', '--clearenv', '--setenv', 'PATH', '/bin', '--setenv', 'PORT', String(port)]
    const server = spawn('bwrap', [...sandbox, '/bin/serve'], { stdio: ['ignore', 'pipe', 'pipe'] })
    let printed = ''
    for (const stream of [server.stdout, server.stderr]) stream.on('data', (text: Buffer) => (printed += text.toString()))
    const ended = new Promise<void>((resolve) => server.once('close', () => resolve()))
    try {
      const page = async () => (await fetch(`http://127.0.0.1:${port}/`)).text().catch(String)
      await expect.poll(() => page().catch(() => printed)).toContain('Your pod is running')
      expect(await page()).toContain('<dd>first-pod</dd>')
      expect(printed).toContain('as uid 10001')
      const first = Number(readFileSync(`/proc/${server.pid}/task/${server.pid}/children`, 'utf8').split(' ')[0])
      process.kill(first, 'SIGTERM')
      await ended
      expect([printed.trim().split('\n').at(-1), server.exitCode]).toEqual(['sample: stopping', 0])
    } finally {
      server.kill('SIGKILL')
      await ended
    }
  })
})

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0))
    })
  })
}
