import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { seededRandom } from '@/tools/testing/random'
import { lookAgain } from '../fixtures/look-again'
import { expect, test } from '@playwright/test'
import { differences } from './counts'
import { expectWithinStream, plan } from './disturbed-run'

const counted = (value: number, slack: number | null = 0) => ({ name: 'taps', value, slack })

test('what is more than it may be is told, and what was not counted both times', () => {
  expect(differences([counted(1)], [counted(1)])).toEqual([])
  expect(differences([counted(1)], [counted(2)])).toEqual(['taps: 1 before, 2 after'])
  expect(differences([counted(2)], [counted(1)])).toEqual(['taps: 2 before, 1 after'])
  expect(differences([counted(1, 8)], [counted(9, 8)])).toEqual([])
  expect(differences([counted(1, 8)], [counted(10, 8)])).toEqual(['taps: 1 before, 10 after'])
  expect(differences([counted(1, null)], [counted(1000, null)])).toEqual([])
  expect(differences([counted(1)], [])).toEqual(['taps: 1 before, not counted after'])
  expect(differences([], [counted(0, null)])).toEqual(['taps: not counted before, 0 after'])
  expect(differences([counted(1, 8)], [counted(NaN, 8)])).toEqual(['taps: 1 before, NaN after'])
})

test('a fault that struck when the stream was over does not count', () => {
  const struck = (left: number) => ({ fault: 'web' as const, ms: 1, left })
  expect(() => expectWithinStream([struck(3), struck(1)], ['web', 'web'])).not.toThrow()
  expect(() => expectWithinStream([struck(3), struck(0)], ['web', 'web'])).toThrow('faults that struck before the stream was over: web; planned: web, web')
})

test('faults are planned for the first 85 of 100 steps', () => {
  const lane = Array.from({ length: 50 }, (_, i) => ({ name: `pod-${i}`, kind: 'job' as const, exitCode: 0, commands: 0, deleted: 'late' as const, afterMs: 0 }))
  const moments = plan(seededRandom(1), [lane], Array.from({ length: 1000 }, () => 'web' as const))
  expect([Math.min(...moments.map(({ beforeStep }) => beforeStep)), Math.max(...moments.map(({ beforeStep }) => beforeStep))]).toEqual([1, 85])
})

test('a look at what vanishes meanwhile is taken again, and any other failure is told', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'look-again-'))
  try {
    let looks = 0
    const names = await lookAgain(() => {
      looks += 1
      if (looks === 3) mkdirSync(join(folder, 'there'))
      return readdirSync(join(folder, 'there'))
    })
    expect([names, looks]).toEqual([[], 3])
    await expect(lookAgain(() => readdirSync(join(folder, 'never')))).rejects.toThrow('ENOENT')
    await expect(lookAgain(() => Promise.reject(new Error('EACCES')))).rejects.toThrow('EACCES')
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})
