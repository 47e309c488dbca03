import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { MemoryHost } from './testing/memory-host'
import { MemoryVm } from './testing/memory-vm'
import { MiB } from './testing/volume-server'

let host: MemoryHost
beforeEach(async () => {
  host = await MemoryHost.open()
})
afterEach(() => host.close())

it('what files leave that are deleted is given back at once, but where the bytes of a second are bounded, of which it would count', async () => {
  const { server, pod, isAttached, up } = host
  const vm = new MemoryVm()
  const attach = vi.spyOn(vm.guest.volumes, 'attach')
  const free = server.attached(server.volume(), pod, 'free')
  const bounded = server.attached(server.volume({ rates: { ...free.rates, bytesPerSecond: MiB } }), pod, 'bounded')
  server.say(free, bounded)
  up(vm)
  await isAttached(free)
  await isAttached(bounded)
  expect(Object.fromEntries(attach.mock.calls.map(([{ volume, discard }]) => [volume, discard]))).toEqual({ free: true, bounded: false })
})
