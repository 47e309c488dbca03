import { Writable } from 'node:stream'
import { expect, it } from 'vitest'
import { writeTo } from './guest'

/** An input whose process reads only when the test says so. */
function input() {
  const got: number[] = []
  let read = () => {}
  const stdin = new Writable({
    highWaterMark: 4,
    write: (chunk: Buffer, _encoding, callback) => {
      got.push(chunk.length)
      read = callback
    },
  })
  return { stdin, got, read: () => read() }
}
const turn = () => new Promise((resolve) => setImmediate(resolve))

it('what comes and goes gathers nothing in the input of a process that does not read', async () => {
  const { stdin, got, read } = input()
  for (let i = 0; i < 50; i += 1) {
    const closing = new AbortController()
    const writing = writeTo(stdin, Buffer.alloc(100), closing.signal)
    await turn()
    closing.abort()
    await writing
  }
  expect(stdin.writableLength).toBe(100)
  const next = writeTo(stdin, Buffer.alloc(7))
  read()
  await turn()
  expect(got).toEqual([100, 7])
  read()
  await next
})

it('leaves no listeners behind, and ends with the input', async () => {
  const { stdin, read } = input()
  const { signal } = new AbortController()
  for (let i = 0; i < 20; i += 1) {
    const writing = writeTo(stdin, Buffer.alloc(100), signal)
    await turn()
    read()
    await writing
  }
  expect(['drain', 'close', 'finish'].map((event) => stdin.listenerCount(event))).toEqual([0, 0, 0])
  const writing = writeTo(stdin, Buffer.alloc(100), signal)
  stdin.destroy()
  await writing
  await writeTo(stdin, Buffer.alloc(1), signal)
})
