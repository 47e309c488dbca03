import { afterAll, beforeAll, expect, test } from 'vitest'
import { Lab } from './lab'
import { Sniffer } from './sniffer'

let lab: Lab
beforeAll(async () => {
  lab = await Lab.create()
})
afterAll(() => lab.destroy())

test('who waits for a frame is told when none comes, and when nobody listens any more', async () => {
  const sniffer = await Sniffer.start(lab.host)
  await expect(sniffer.until(() => false, 100)).rejects.toThrow('not seen in 0.1 s')
  const waiting = sniffer.until(() => false)
  sniffer.stop()
  await expect(waiting).rejects.toThrow('nobody listens: it ended with SIGKILL')
  await expect(Sniffer.start(`${lab.host}-none`)).rejects.toThrow('nobody listens: it ended with code 1')
})
