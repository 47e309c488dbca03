import { randomUUID } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import type { FolderEntry } from '@/domain/pod/folder-entry'
import { GuestRefusal, type GuestArchive } from '@/host/pods/ports'
import { serveCopy, type CopyRequest } from './copy-stream'
import { serveFolder, type FolderRequest } from './folder-stream'
import { FakeProcess } from './testing/fake-process'
import { leaveUnanswered } from './testing/leave-unanswered'
import { servedStreams } from './testing/served-streams'
import { until } from './testing/until'

const podUid = randomUUID()
const opened = servedStreams()

describe('a copy', () => {
  const request: CopyRequest = { kind: 'copy', podUid, container: null, direction: 'out', path: '/etc' }
  async function copy(direction: 'out' | 'in') {
    const process = new FakeProcess()
    let asked: Omit<GuestArchive, 'container'> | undefined
    const stream = await opened((to) =>
      serveCopy(to, { ...request, direction }, async (_uid, _container, archive) => {
        asked = archive
        return process
      }),
    )
    await until(() => asked !== undefined)
    return { process, asked: asked!, ...stream }
  }

  it('out gives the tar stream and then its result', async () => {
    const { process, asked, browser, served } = await copy('out')
    expect([asked.direction, asked.path]).toEqual(['out', '/etc'])
    await asked.onOutput('stdout', Buffer.from('tar'))
    process.end(0)
    await served
    await browser.closed
    expect([browser.text(1), browser.result]).toEqual(['tar', { exitCode: 0, error: null }])
  })

  it('in takes the tar stream, and its end is the browser\'s word', async () => {
    const { process, browser, served } = await copy('in')
    browser.send(0, 'tar')
    browser.send(0, '')
    await until(() => process.inputEnded)
    expect(process.written).toEqual(['tar'])
    process.end(0)
    await served
  })

  it('that the browser leaves is killed and never taken for one that ended', async () => {
    const { process, browser } = await copy('in')
    browser.send(0, 'half a t')
    await until(() => process.written.length > 0)
    browser.socket.terminate()
    await until(() => process.signals.includes('KILL'))
    expect(process.inputEnded).toBe(false)
    process.end(137)
  })

  it('whose end a hostile guest never tells does not keep its stream', async () => {
    const { process, browser, served } = await copy('in')
    await leaveUnanswered(browser, process, served)
  })

  it('that fails says what the guest said, within bounds', async () => {
    const { process, asked, browser, served } = await copy('in')
    for (let i = 0; i < 100; i += 1) await asked.onOutput('stderr', Buffer.from(`tar: disk full ${i}\n`.repeat(10)))
    process.end(2)
    await served
    await browser.closed
    expect(browser.result?.exitCode).toBe(2)
    expect(browser.result?.error).toMatch(/^Not all could be written to "\/etc": tar: disk full 0/)
    expect(browser.result?.error?.length).toBeLessThan(2200)
  })

  it('of a path that is not there says so', async () => {
    const { browser, served } = await opened((to) => serveCopy(to, request, () => Promise.reject(new GuestRefusal('NotFound', 'no such file or folder'))))
    await served
    await browser.closed
    expect(browser.result).toEqual({ exitCode: null, error: '"/etc" cannot be read: no such file or folder. Check the path.' })
  })
})

describe('a folder', () => {
  const entry = { name: 'hosts', type: 'file', size: 3, mode: 0o644, modifiedAt: 1, target: null } as const
  async function* pagesOf(pages: FolderEntry[][], more: boolean) {
    for (const page of pages) yield page
    return more
  }
  async function* failing(error: Error): AsyncGenerator<FolderEntry[], boolean> {
    throw error
  }
  const request: FolderRequest = { kind: 'listFolder', podUid, container: null, path: '/etc' }

  it('of which a page takes much is told in part, with that there is more', async () => {
    const page = Array.from({ length: 1_000 }, () => ({ ...entry, type: 'link' as const, target: '\u0001'.repeat(1_024) }))
    let asked = 0
    async function* many() {
      for (; asked < 10; asked += 1) yield page
      return false
    }
    const { browser, served } = await opened((to) => serveFolder(to, request, many))
    await served
    await browser.closed
    expect([browser.result, asked]).toEqual([{ exitCode: 1, error: null }, 0])
    expect(browser.bytes(1)).toBeLessThan(5 << 20)
  })

  it('whose next page never comes ends when the browser leaves', async () => {
    async function* endless(): AsyncGenerator<FolderEntry[], boolean> {
      yield [entry]
      await new Promise(() => {})
      return false
    }
    const { browser, served } = await opened((to) => serveFolder(to, request, endless))
    await until(() => browser.bytes(1) > 0)
    browser.socket.terminate()
    await served
  })

  it('is told as lines of JSON, with whether there are more', async () => {
    const { browser, served } = await opened((to) => serveFolder(to, { kind: 'listFolder', podUid, container: null, path: '/etc' }, () => pagesOf([Array.from({ length: 250 }, () => entry)], true)))
    await served
    await browser.closed
    const lines = browser.text(1).trim().split('\n')
    expect([lines.length, JSON.parse(lines[249] ?? ''), browser.result]).toEqual([250, entry, { exitCode: 1, error: null }])
  })
  it('that is not there says so', async () => {
    const { browser, served } = await opened((to) => serveFolder(to, { kind: 'listFolder', podUid, container: null, path: '/nope' }, () => failing(new GuestRefusal('NotFound', 'No such file or directory'))))
    await served
    await browser.closed
    expect(browser.result?.error).toBe('The folder "/nope" cannot be listed: No such file or directory. Check the path.')
  })
})
