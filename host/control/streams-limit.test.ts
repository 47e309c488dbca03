import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { expect, it, vi } from 'vitest'
import type { StreamRequest } from '@/contracts/host/v1/streams'
import { LogStore } from '@/host/logs/log-store'
import { PodSet } from '@/host/pods/pod-set'
import { logger } from '@/platform/logger'
import { Streams } from './streams'

it('one pod holds a bounded part of the streams, and gets new ones as its own end', async () => {
  const sockets: Socket[] = []
  const server = createServer((socket) => void sockets.push(socket.on('error', () => {})))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const log = logger('test')
  log.level = 'silent'
  const warn = vi.spyOn(log, 'warn')
  const refused = () => warn.mock.calls.filter((call) => String(call[1]).startsWith('too many')).length
  const noPods = new PodSet(() => {
    throw new Error('never')
  })
  const streams = new Streams(`ws://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}/ws/host`, noPods, new LogStore(tmpdir()), log)
  const request = (podUid: string): StreamRequest => ({ kind: 'logs', podUid, container: null, follow: false, tailLines: null, previous: false, sinceTime: null })
  const [pod, other] = [randomUUID(), randomUUID()]
  for (let i = 0; i < 34; i += 1) streams.serve('/ws/stream/x', request(pod))
  streams.serve('/ws/stream/x', request(other))
  expect(refused()).toBe(2)
  // The two that are refused are dialled too, to be told why.
  await expect.poll(() => sockets.length, { timeout: 10_000 }).toBe(35)
  for (const socket of sockets) socket.destroy()
  await expect.poll(() => warn.mock.calls.length, { timeout: 10_000 }).toBe(2 + 33)
  streams.serve('/ws/stream/x', request(pod))
  expect(refused()).toBe(2)
  await expect.poll(() => sockets.length, { timeout: 10_000 }).toBe(36)
  sockets.at(-1)?.destroy()
  server.close()
})
