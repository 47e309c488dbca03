import { afterAll, beforeAll, expect, it } from 'vitest'
import { TestServer } from './testing/test-server'
import { streamUrl } from './stream-socket'
import { readUpload } from './upload-stream'

let server: TestServer
beforeAll(async () => {
  server = await TestServer.start()
})
afterAll(() => server.stop())

const frame = (channel: number, text: string) => Buffer.concat([Buffer.of(channel), Buffer.from(text)])
const result = (error: string | null) => frame(3, JSON.stringify({ exitCode: error === null ? 0 : null, error }))

/** Reads a stream on which the server sends these frames and then closes. */
async function read(frames: Buffer[], write: (chunk: Buffer) => Promise<void>, signal = new AbortController().signal): Promise<void> {
  const socket = server.expectStream('/ws/host-stream/t')
  const reading = readUpload(streamUrl(server.url, '/ws/host-stream/t'), write, signal)
  const accepted = await socket
  for (const one of frames) accepted.send(one)
  if (frames.length > 0) accepted.close(1000)
  return reading
}

it('gives the bytes in their order, however slow they are taken', async () => {
  const got: string[] = []
  let atOnce = 0
  await read([...Array.from({ length: 20 }, (_, i) => frame(1, `${i},`)), result(null)], async (chunk) => {
    atOnce += 1
    expect(atOnce).toBe(1)
    await new Promise((resolve) => setTimeout(resolve, 2))
    got.push(chunk.toString())
    atOnce -= 1
  })
  expect(got.join('')).toBe(Array.from({ length: 20 }, (_, i) => `${i},`).join(''))
})

it('is no upload where the end is missing, the server says so, the disk is full, or nobody wants it any more', async () => {
  const take = async () => {}
  await expect(read([frame(1, 'half')], take)).rejects.toThrow('ended the upload before all of it came')
  await expect(read([frame(1, 'half'), result('gone')], take)).rejects.toThrow('gone')
  await expect(read([frame(1, 'a'), frame(1, 'b'), result(null)], () => Promise.reject(new Error('no space')))).rejects.toThrow('no space')
  const abort = new AbortController()
  const reading = read([], take, abort.signal)
  setTimeout(() => abort.abort(new Error('given up')), 20)
  await expect(reading).rejects.toThrow('given up')
})
