import { expect, it } from 'vitest'
import { run } from '@/platform/exec'
import { NetworkNamespaceKernel } from './kernel'

it('what a command prints without bound comes line by line, whole, and none of it is kept', async () => {
  let [lines, sum] = [0, 0]
  await new NetworkNamespaceKernel(null, run).stream('seq', ['-f', 'line %.0f of many', '1', '800000'], (line) => {
    lines++
    sum += Number(/^line (\d+) of many$/.exec(line)?.[1])
  })
  // Some 16 MiB: twice of what is kept of a command.
  expect([lines, sum]).toEqual([800_000, 800_000 * 800_001 / 2])
  await expect(new NetworkNamespaceKernel(null, run).stream('seq', ['nothing'])).rejects.toThrow('nothing')
})
