import { describe, expect, it } from 'vitest'
import { entryBytes, entryOfBase64, entryOfBytes, keyProblem, newEntry, toValues } from './entries'
import { labelsText, readLabels } from './labels-text'

describe('rows of keys and values', () => {
  it('hold text where bytes are text, and base64 where they are not', () => {
    expect(entryOfBytes('a', new TextEncoder().encode('ü\n'))).toMatchObject({ text: 'ü\n', binary: null })
    expect(entryOfBytes('a', new Uint8Array([255, 0]))).toMatchObject({ text: '', binary: '/wA=' })
    expect(entryOfBytes('a', new Uint8Array([65, 0]))).toMatchObject({ binary: 'QQA=' })
    expect(entryOfBase64('a', 'eA==')).toMatchObject({ key: 'a', text: 'x' })
  })
  it('say what is wrong with a key; an empty row is nothing', () => {
    const rows = [newEntry(), newEntry({ key: 'a' }), newEntry({ key: 'a', text: 'x' }), newEntry({ text: 'x' }), newEntry({ key: 'a b' })]
    expect(rows.map((row) => keyProblem(rows, row))).toEqual([null, null, 'Is the key of another row', 'Must not be empty', expect.stringContaining('Must be letters')])
  })
  it('become what is sent', () => {
    expect(toValues([newEntry(), newEntry({ key: 'a', text: '' }), newEntry({ key: 'b', binary: '/w==' }), newEntry({ key: 'c', kept: 5 })])).toEqual({ text: { a: '' }, binary: { b: '/w==' }, keep: ['c'] })
    expect([newEntry({ text: 'ü' }), newEntry({ binary: '/w==' }), newEntry({ kept: 5 })].map(entryBytes)).toEqual([2, 1, 5])
  })
})

it('labels are written a line each', () => {
  expect(readLabels(' app = web \n\nflag\nnote=a=b')).toEqual({ app: 'web', flag: '', note: 'a=b' })
  expect(readLabels(labelsText({ app: 'web', flag: '' }))).toEqual({ app: 'web', flag: '' })
})
