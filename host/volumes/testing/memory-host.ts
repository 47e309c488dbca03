import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, vi } from 'vitest'
import type { HostVolume } from '@/contracts/host/v1/volumes'
import { VolumeLedger } from '@/host/ledger/volumes'
import { FakeClock } from '@/host/pods/testing/fake-clock'
import { testAssignment } from '@/host/pods/testing/assignment'
import type { MakeOfArchive } from '../archive'
import { Stores } from '../stores'
import { Volumes } from '../volumes'
import { MemoryStore } from './memory-store'
import type { MemoryVm } from './memory-vm'
import { VolumeServer } from './volume-server'

const silent = { warn: () => {}, error: () => {} }

/** Waits for what real files and turns of the event loop take. */
export const until = (check: () => void | Promise<void>): Promise<void> => vi.waitFor(check, { timeout: 20_000, interval: 5 })

/** The volumes of a host whose store and VMs are in memory, with a ledger on a disk and one pod. */
export class MemoryHost {
  readonly pod = testAssignment()
  readonly clock = new FakeClock()
  readonly store = new MemoryStore()
  readonly server: VolumeServer
  /** Reasons of what was told to the pod. */
  readonly told: string[] = []
  /** Images that cannot be had, by what they are called. */
  readonly images = new Map<string, Error>()
  isStoreOpen = true
  makeOfArchive: MakeOfArchive = () => Promise.reject(new Error('no archives here'))
  volumes!: Volumes

  private constructor(private readonly folder: string) {
    const volumes = () => this.volumes
    this.server = new VolumeServer({ get volumes() { return volumes() } }, this.pod.tenantId)
    vi.spyOn(Stores.prototype, 'get').mockImplementation(() => (this.isStoreOpen ? this.store : null))
  }

  static async open(): Promise<MemoryHost> {
    const host = new MemoryHost(await mkdtemp(join(tmpdir(), 'volumes-')))
    await host.agent([])
    return host
  }

  async close(): Promise<void> {
    vi.restoreAllMocks()
    await this.volumes.close()
    await rm(this.folder, { recursive: true, force: true })
  }

  /** What is on the disk. */
  ledger = (): Promise<VolumeLedger> => VolumeLedger.open(this.folder, silent, this.clock.now())

  private async agent(before: string[]): Promise<void> {
    const { folder, clock, told, images } = this
    this.volumes = new Volumes({ ledger: await this.ledger(), before, folders: { stores: join(folder, 'stores'), work: folder, marks: join(folder, 'marks') }, reach: async () => {}, makeOfArchive: (...args) => this.makeOfArchive(...args), imageFile: async (_uid, reference) => {
      const failure = images.get(reference)
      if (failure) throw failure
      return `/images/${reference}`
    }, clock, log: silent, tell: (_pod, _type, reason) => void told.push(reason) })
  }

  /** The agent ends, and another one begins. */
  restart = async (before: string[]): Promise<void> => {
    await this.volumes.close()
    await this.agent(before)
  }

  phase = (volume: HostVolume) => this.server.report('volume', volume.uid)?.phase
  attachment = (volume: HostVolume) => this.server.attachment(volume, this.pod)
  isAttached = (volume: HostVolume): Promise<void> => until(() => expect(this.attachment(volume)?.phase).toBe('Attached'))

  up = (vm: MemoryVm, isFound = false): void => this.volumes.pods.up(this.pod.uid, vm.machine, vm.guest, isFound)

  /** One that its pod has. */
  attachedVolume = async (vm: MemoryVm): Promise<HostVolume> => {
    const volume = this.server.attached(this.server.volume(), this.pod, 'data')
    this.server.say(volume)
    this.up(vm)
    await this.isAttached(volume)
    return volume
  }
}
