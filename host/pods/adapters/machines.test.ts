import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { withoutCgroups } from '@/host/cgroups/port'
import type { HypervisorSettings } from '@/host/hypervisor/hypervisor-settings'
import { ScratchDisks } from '@/host/hypervisor/scratch'
import { TemplateStore } from '@/host/hypervisor/templates/template-store'
import { logger } from '@/platform/logger'
import { testAssignment } from '../testing/assignment'
import { Machines } from './machines'

test('the guest image of a VM that starts is in use, whatever new VMs are of by then, until the start has failed', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'machines-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const settings: HypervisorSettings = {
    qemu: { binary: 'qemu', version: '1', machine: 'pc' },
    guest: { kernel: '', initramfs: '', version: 'old', arguments: [] },
    accelerator: { kind: 'tcg', cpu: 'max', tbSizeMiB: 32 },
    ...{ scratchBytes: 1, maxImageBytes: 1, serviceUid: 1, kvmNode: null, cgroups: withoutCgroups('not needed'), waitForHello: async () => {} },
  }
  const machines = new Machines({ settings, templates: new TemplateStore({ dir: folder, settings, sharing: 'cold' }), scratch: new ScratchDisks(folder, 1), podsFolder: folder, log: logger('test') })
  const { uid, tenantId, network: { mac }, network } = testAssignment()
  const starting = machines.start({ pod: { uid, vmUid: 1, tenantId, network, size: { vcpus: 1, memoryMiB: 128, scratchMiB: null } }, network: { namespace: 'none', tap: 'none', mac, mtu: 1400, dns: [], hostDns: [], domain: null }, rootImage: join(folder, 'missing'), scratch: join(folder, 'missing') }, new AbortController().signal)
  settings.guest = { ...settings.guest, version: 'new' }
  expect(machines.guestVersions()).toEqual(['old'])
  await expect(starting).rejects.toThrow('missing')
  expect(machines.guestVersions()).toEqual([])
})
