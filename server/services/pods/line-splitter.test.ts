import { expect, it } from 'vitest'
import { LineSplitter, maxLineLength } from './line-splitter'

it('splits lines over chunks, in the middle of a character too', () => {
  const splitter = new LineSplitter()
  const bytes = Buffer.from('eins\nzwölf\n\nrest')
  const lines = [...bytes].flatMap((byte) => [...splitter.lines(Buffer.of(byte))])
  expect(lines).toEqual(['eins', 'zwölf', ''])
  expect([...splitter.lines(Buffer.from('!\n'))]).toEqual(['rest!'])
})

it('cuts a line without end', () => {
  const splitter = new LineSplitter()
  for (let i = 0; i < 200; i++) expect([...splitter.lines(Buffer.alloc(16 << 10, 120))]).toEqual([])
  expect([...splitter.lines(Buffer.from('\nnext\n'))].map((line) => line.length)).toEqual([maxLineLength, 4])
})
