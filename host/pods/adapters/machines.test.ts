import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { withoutCgroups } from '@/host/cgroups/port'
import type { HypervisorSettings } from '@/host/hypervisor/hypervisor-settings'
import { ScratchDisks } from '@/host/hypervisor/scratch'
import { TemplateStore, type TemplateLease, type TemplateSharing } from '@/host/hypervisor/templates/template-store'
import { logger } from '@/platform/logger'
import { testAssignment } from '../testing/assignment'
import { Machines } from './machines'

async function withMachines(sharing: TemplateSharing) {
  const folder = await mkdtemp(join(tmpdir(), 'machines-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const settings: HypervisorSettings = {
    qemu: { binary: 'qemu', version: '1', machine: 'pc' },
    guest: { kernel: '', initramfs: '', version: 'old', arguments: [] },
    accelerator: { kind: 'tcg', cpu: 'max', tbSizeMiB: 32 },
    ...{ scratchBytes: 1, maxImageBytes: 1, serviceUid: 1, kvmNode: null, cgroups: withoutCgroups('not needed'), waitForHello: async () => {} },
  }
  const templates = new TemplateStore({ dir: folder, settings, sharing })
  const machines = new Machines({ settings, templates, scratch: new ScratchDisks(folder, 1), podsFolder: folder, log: logger('test') })
  const { uid, tenantId, network: { mac }, network } = testAssignment()
  const pod = { uid, vmUid: 1, tenantId, network, size: { vcpus: 1, memoryMiB: 128, scratchMiB: null } }
  /** It fails at the first file that it opens. */
  const start = () => machines.start({ pod, network: { namespace: 'none', tap: 'none', mac, mtu: 1400, dns: [], hostDns: [], domain: null }, rootImage: join(folder, 'missing'), scratch: join(folder, 'missing') }, new AbortController().signal)
  const becomes = (version: string) => void (settings.guest = { ...settings.guest, version })
  return { machines, templates, pod, start, becomes }
}

test('the guest image of a VM that starts is in use, whatever new VMs are of by then, until the start has failed', async () => {
  const { machines, start, becomes } = await withMachines('cold')
  const starting = start()
  becomes('new')
  expect(machines.guestVersions()).toEqual(['old'])
  await expect(starting).rejects.toThrow('missing')
  expect(machines.guestVersions()).toEqual([])
})

test('a VM starts from the template that was prepared for it where new VMs are of the guest image of then, whatever image the template is of; else from one that is looked for anew', async () => {
  const { machines, templates, pod, start, becomes } = await withMachines('tenant-copy')
  const lent: TemplateLease[] = []
  const acquire = vi.spyOn(templates, 'acquire').mockImplementation(async () => {
    const lease = { intact: async () => {}, copy: 'copy', guestVersion: 'older', memory: 'missing', state: 'missing', bootStub: 'missing', release: vi.fn(async () => {}), discard: async () => {} }
    lent.push(lease)
    return lease
  })
  await machines.prepareTemplate(pod, new AbortController().signal)
  const starting = start()
  expect(machines.guestVersions()).toEqual(['old', 'older'])
  await expect(starting).rejects.toThrow('missing')
  expect(acquire).toHaveBeenCalledTimes(1)
  await machines.prepareTemplate(pod, new AbortController().signal)
  becomes('new')
  await expect(start()).rejects.toThrow('missing')
  expect(acquire).toHaveBeenCalledTimes(3)
  await machines.releaseTemplate(pod)
  for (const { release } of lent) expect(release).toHaveBeenCalledOnce()
})
