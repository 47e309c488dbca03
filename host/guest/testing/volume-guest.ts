import { imageSerial } from '@/contracts/guest/v1/machine'
import type { SetupParams } from '@/contracts/guest/v1/requests'
import { GuestClient } from '@/host/guest/client'
import { setupRequest } from './requests'
import { startTestMachine, type TestMachine } from './test-machine'
import { VolumeDisks } from './volume-disks'

/** A test machine whose guest is set up and has the busybox image, with disks that come and go. `client` may be replaced: the one that is there is closed. */
export type VolumeGuest = { machine: TestMachine; disks: VolumeDisks; client: GuestClient; close: () => Promise<void> }

export async function startVolumeGuest(setup: Partial<SetupParams>): Promise<VolumeGuest> {
  const machine = await startTestMachine()
  try {
    const disks = await VolumeDisks.open(machine.monitorPath)
    const client = await GuestClient.connect(machine.socketPath, { helloTimeoutMs: 120_000 })
    await client.setup(setupRequest({ time: Date.now(), ...setup }))
    await client.addImage({ serial: imageSerial(0), key: 'busybox' })
    const guest: VolumeGuest = { machine, disks, client, close: async () => {
      guest.client.close()
      await disks.close()
      await machine.stop()
    } }
    return guest
  } catch (error) {
    await machine.stop()
    throw error
  }
}
