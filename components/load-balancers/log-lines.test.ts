import { expect, it } from 'vitest'
import { LineReader, logEntry, logText, passesFilter, readLogLine } from './log-lines'

const line = { time: '2026-11-26T01:00:00.000Z', client: '198.18.100.1:4242', listener: 80, rule: null, backend: 'web', server: '10.244.0.5:8080', method: 'GET', host: 'a.example.com', path: '/x', status: 200, bytesIn: 120, bytesOut: 2048, milliseconds: 12, termination: '----' }

it('is a request in one line', () => {
  expect(logText(line)).toBe('198.18.100.1:4242 GET a.example.com/x 200 12 ms → web/10.244.0.5:8080 in 120 B out 2 KiB')
  expect(logText({ ...line, status: -1, backend: null, server: null, termination: 'PR--' })).toBe('198.18.100.1:4242 GET a.example.com/x no answer 12 ms → no rule fits in 120 B out 2 KiB [PR--]')
  expect(logText({ ...line, method: null, host: null, path: null, status: null })).toContain(' :80 12 ms → web')
})

it('is marked and filtered by how it ended', () => {
  expect([logEntry(line), logEntry({ ...line, status: 503 })].map((entry) => entry.kind === 'line' && entry.stream)).toEqual(['stdout', 'stderr'])
  expect([line, { ...line, status: 404 }, { ...line, status: null }, { ...line, method: null, status: null }, { ...line, method: null, status: null, termination: 'SC' }].map((each) => passesFilter(each, 'errors'))).toEqual([false, true, true, false, true])
  expect([passesFilter({ ...line, milliseconds: 1500 }, 'slow'), passesFilter(line, 'slow')]).toEqual([true, false])
  expect([readLogLine(line), readLogLine({ time: 'x' }), readLogLine('GET /')]).toEqual([line, null, null])
})

it('is read from pieces, wherever they are cut', () => {
  const reader = new LineReader()
  const bytes = new TextEncoder().encode(`${JSON.stringify({ path: '/ä' })}\nnonsense\n{"b":2}\n`)
  const cut = bytes.indexOf(0xc3) + 1
  expect([reader.read(bytes.slice(0, cut)), reader.read(bytes.slice(cut))]).toEqual([[], [{ path: '/ä' }, { b: 2 }]])
})
