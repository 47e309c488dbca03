import { once } from 'node:events'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { GuestClient } from './client'
import { FakeGuest } from './testing/fake-guest'

let guest: FakeGuest
let client: GuestClient
beforeEach(async () => {
  guest = await FakeGuest.listen()
  client = await GuestClient.connect(guest.path, { requestTimeoutMs: 100, stalledWithinMs: 100 })
})
afterEach(async () => {
  client.close()
  await guest.close()
})

/** As long as the longest patience of these clients at least: a volume's request has its own time, whatever becomes of the VM. */
const patienceOver = () => expect(client.volumes.thaw([])).rejects.toThrow('did not answer thawVolumes')

it('a guest that stands still is waited for, and has its time anew once it goes on', async () => {
  const before = client.ping().then(() => 'answered')
  client.standStill(true)
  const meanwhile = client.ping().then(() => 'answered')
  for (let i = 0; i < 3; i += 1) await patienceOver()
  expect(await Promise.race([before, meanwhile, Promise.resolve('waits')])).toBe('waits')
  guest.answers.ping = () => ({ result: { time: 1 } })
  client.standStill(false)
  // Whoever asks has 100 ms, which this process may sleep through.
  await expect.poll(() => client.ping().catch(() => null)).toEqual({ time: 1 })
  await expect(Promise.all([before, meanwhile])).rejects.toThrow('did not answer ping within 100 ms')
})

it('a guest that stands still and reads nothing loses its connection only where it reads nothing afterwards', async () => {
  let isClosed = false
  const closed = once(client, 'closed').then(() => (isClosed = true))
  client.standStill(true)
  guest.socket?.pause()
  const params = { volume: 'v', version: '1', files: [{ path: 'a', mode: 0o600, contentBase64: 'A'.repeat(500_000) }], commit: true }
  // More than may wait for one that is only slow.
  const asked = Array.from({ length: 18 }, () => client.writeFiles(params).catch((error: unknown) => error))
  for (let i = 0; i < 3; i += 1) await patienceOver()
  expect(isClosed).toBe(false)
  client.standStill(false)
  await closed
  for (const each of await Promise.all(asked)) expect(each).toMatchObject({ name: 'GuestConnectionError' })
})
