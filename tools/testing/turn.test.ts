import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { oneWorkerWhile, turnToBegin } from './turn'

const began = (worker: string, file?: string) => {
  const state = { begun: false }
  const end = turnToBegin({ NODE_ENV: 'test', VITEST_POOL_ID: worker, ...(file && { [oneWorkerWhile]: file }) }, 5).then(() => { state.begun = true })
  return { state, end }
}

it('the first worker begins at once and the others once the file is gone, or at once where none is named', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'hypernetes-turn-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const file = join(folder, 'others-run')
  writeFileSync(file, '')
  const [first, second, alone] = [began('1', file), began('2', file), began('2')]
  await Promise.all([first.end, alone.end])
  await new Promise((resolve) => setTimeout(resolve, 50))
  expect(second.state).toEqual({ begun: false })
  rmSync(file)
  await second.end
})
