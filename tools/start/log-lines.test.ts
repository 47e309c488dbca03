import { Readable } from 'node:stream'
import { expect, it } from 'vitest'
import { eachLine, readable } from '@/tools/start/log-lines'

it('shows the message of a JSON line first, then its fields', () => {
  expect(readable('{"level":30,"time":"2026-01-01T00:00:00Z","name":"web","msg":"listening","port":3000}')).toBe('listening port=3000')
  expect(readable('{"level":50,"name":"web","msg":"failed","err":{"message":"no"}}')).toBe('ERROR failed err={"message":"no"}')
})

it('leaves other lines as they are', () => {
  for (const line of ['plain', '{not json', '{"msg":"no level"}', '[1]']) expect(readable(line)).toBe(line)
})

it('finds lines over the borders of chunks, and the last one without an end', async () => {
  const lines: string[] = []
  const stream = Readable.from([Buffer.from('on'), Buffer.from('e\ntwo\nthr'), Buffer.from('ee')], { objectMode: false })
  eachLine(stream, (line) => lines.push(line))
  await new Promise((resolve) => stream.once('close', resolve))
  expect(lines).toEqual(['one', 'two', 'three'])
})
