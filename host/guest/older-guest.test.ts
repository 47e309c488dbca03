import { text } from 'node:stream/consumers'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { Channel, encodeFrame, FrameType } from '@/contracts/guest/v1/frame'
import { ConnectedGuest } from '@/host/pods/adapters/guest'
import { problemOf } from '@/host/volumes/problem'
import { GuestClient } from './client'
import { setupRequest } from './testing/requests'
import { control, FakeGuest } from './testing/fake-guest'

/** What the first agents said, as they said it: VMs of theirs run on under a host that is upgraded. */
const first = {
  hello: {
    ...{ kind: 'hello', version: 1, bootId: '0c5b7d3c-9a52-4c11-8a70-1a7f2c9b6d10', instance: 'pod-1', kernel: '6.12.48+deb13-cloud-amd64', images: ['image0'] },
    containers: [{ container: 'main', stream: 1, exited: null, stdout: { acknowledged: 5, start: 5 }, stderr: { acknowledged: 0, start: 0 }, stdinFree: null }],
  },
  stats: { vm: { memoryTotalBytes: 1 << 27, memoryAvailableBytes: 1 << 26, cpuMicroseconds: 1 }, containers: [{ container: 'main', cpuMicroseconds: 1, memoryBytes: 2, processes: 1, oomKills: 0 }] },
  exit: { kind: 'event', event: 'containerExited', container: 'main', exitCode: 3, signal: null, oomKilled: false, at: 1_764_000_000_000 },
}

let guest: FakeGuest
beforeEach(async () => {
  guest = await FakeGuest.listen()
})
afterEach(() => guest.close())

test('a VM of the first agent is taken up, measured, read and seen ending', async () => {
  guest.greeting = (nonce) => Buffer.concat([nonce, control(first.hello)])
  guest.answers = { stats: () => ({ result: first.stats }), setup: () => ({ result: { bootId: 'b' } }) }
  const client = await GuestClient.connect(guest.path)
  const output = client.containerStreams('main')
  if (!output) throw new Error('the container was not taken up')
  const said = Promise.all([text(output.stdout), text(output.stderr)])
  const exited = new Promise((resolve) => client.once('containerExited', resolve))
  expect((await client.stats()).containers).toEqual(first.stats.containers)
  // What later hosts add to a request, it does not look at.
  expect(await client.setup(setupRequest({ cloned: true }))).toEqual({ bootId: 'b' })
  guest.send(encodeFrame(FrameType.data, 1, Channel.stdout, Buffer.from('on and on')), encodeFrame(FrameType.end, 1, Channel.stdout, new Uint8Array()), encodeFrame(FrameType.end, 1, Channel.stderr, new Uint8Array()), control(first.exit))
  expect(await said).toEqual(['on and on', ''])
  expect(await exited).toMatchObject({ exitCode: 3 })
  client.close()
})

test('what its agent does not know fails alone, and says what to do', async () => {
  const message = "the pod's guest agent does not know listFolder: it is older than its host, and another one comes with the pod's next start"
  guest.answers = { listFolder: () => ({ error: { code: 'InvalidRequest', message, object: 'listFolder' } }), ping: () => ({ result: { time: 1 } }) }
  const client = await GuestClient.connect(guest.path)
  await expect(client.listFolder({ container: 'main', path: '/', after: null, limit: 1 })).rejects.toThrow(message)
  expect(await client.ping()).toEqual({ time: 1 })
  client.close()
})

test('an agent of another version of the protocol is told as such', async () => {
  guest.greeting = (nonce) => Buffer.concat([nonce, control({ ...first.hello, version: 2 })])
  await expect(GuestClient.connect(guest.path)).rejects.toThrow('the guest agent speaks version 2 of the protocol and this host version 1: start the pod anew')
})

test('one that knows no routed addresses is told apart by what it does not know', async () => {
  guest.answers = { setRoutedAddresses: () => ({ error: { code: 'InvalidRequest', message: "the pod's guest agent does not know setRoutedAddresses", object: 'setRoutedAddresses' } }) }
  const client = new ConnectedGuest(await GuestClient.connect(guest.path))
  await expect(client.setRoutedAddresses({ addresses: ['2001:db8::7'], gateway: 'fe80::1', inside: [] })).rejects.toMatchObject({ name: 'GuestRefusal', code: 'InvalidRequest', about: 'setRoutedAddresses' })
  client.close()
})

test('one that gives devices to containers as they start alone is told apart, by what it does not know', async () => {
  guest.answers = { addVolumeDevice: () => ({ error: { code: 'InvalidRequest', message: "the pod's guest agent does not know addVolumeDevice", object: 'addVolumeDevice' } }) }
  const client = new ConnectedGuest(await GuestClient.connect(guest.path))
  const refused = await client.volumes.addDevice({ container: 'main', volume: 'data', path: '/dev/data' }).catch((error: unknown) => error)
  expect(problemOf(refused, 'mounted')).toMatchObject({ reason: 'RestartNeeded', message: expect.stringContaining('create the pod anew') as string })
  client.close()
})

test('one that knows no volumes is told apart likewise, and goes on', async () => {
  guest.answers = { attachVolume: () => ({ error: { code: 'InvalidRequest', message: "the pod's guest agent does not know attachVolume", object: 'attachVolume' } }), ping: () => ({ result: { time: 1 } }) }
  const client = await GuestClient.connect(guest.path)
  const { volumes } = new ConnectedGuest(client)
  const asked = volumes.attach({ volume: 'data', serial: 'v0123456789abcdef012', fsType: 'ext4', mode: 'filesystem', readOnly: false, format: true, populate: null }, 30_000)
  await expect(asked).rejects.toMatchObject({ name: 'GuestRefusal', code: 'InvalidRequest', about: 'attachVolume' })
  expect(await client.ping()).toEqual({ time: 1 })
  client.close()
})
