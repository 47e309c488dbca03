import { expect, it } from 'vitest'
import { previewOf } from './consequences'

it('a verb waits until the server has said what follows from it, and is not used where that refuses it', () => {
  expect(previewOf({ data: undefined, error: null }).disabledReason).toContain('has not said yet')
  expect(previewOf({ data: undefined, error: new Error('No way.') }).disabledReason).toBe('No way.')
  const preview = { resourceVersion: '1', problem: null, consequences: [{ text: 'It goes.', danger: false }] }
  expect(previewOf({ data: preview, error: null })).toEqual({ consequences: ['It goes.'], disabledReason: undefined })
  expect(previewOf({ data: { ...preview, problem: 'A pod has it.' }, error: null })).toMatchObject({ disabledReason: 'A pod has it.' })
})
