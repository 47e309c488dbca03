import { mkdir, readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { podSize } from '@/domain/pod/size'
import { podSpec } from '@/domain/pod/spec'
import { guestKernelArguments } from '@/contracts/guest/v1/machine'
import { openCgroups } from '@/host/cgroups/cgroups'
import { closeGroups, sweepGroups } from '@/host/cgroups/group-files'
import type { CgroupSupport } from '@/host/cgroups/port'
import { GuestClient } from '@/host/guest/client'
import { probeAccelerator, type AcceleratorChoice } from '@/host/hypervisor/accelerator'
import { removeVm } from '@/host/hypervisor/adopt-vm'
import { defaultMaxImageBytes, defaultScratchBytes, type HypervisorSettings } from '@/host/hypervisor/hypervisor-settings'
import { prepareKvmNode } from '@/host/hypervisor/kvm-node'
import { GuestImages, type GuestImage } from '@/host/hypervisor/guest-images'
import { findQemu } from '@/host/hypervisor/qemu'
import { ScratchDisks } from '@/host/hypervisor/scratch'
import { bootServiceVm, stopServiceVm } from '@/host/hypervisor/service-vm'
import { TemplateRenewal } from '@/host/hypervisor/templates/renewal'
import { TemplateStore } from '@/host/hypervisor/templates/template-store'
import { VmRecord } from '@/host/hypervisor/vm-record'
import { ImageStore } from '@/host/images/image-store'
import { putJailsInGroups } from '@/host/images/jail/group'
import { ensureSampleImage } from '@/host/images/sample/sample-image'
import { resolverUids } from '@/host/dns/jail'
import { Resolvers, type ResolversOptions } from '@/host/dns/resolvers'
import { HostNetwork } from '@/host/network/host-network'
import { namespaceName } from '@/host/network/names'
import { StorageNamespace } from '@/host/network/storage-namespace'
import { watchNetworks } from '@/host/network/watch/network-watch'
import type { LedgerEntry } from '@/host/ledger/entry'
import { Ledger, type BrokenEntry } from '@/host/ledger/ledger'
import { NetworkObjects } from '@/host/ledger/network-objects'
import { LogStore } from '@/host/logs/log-store'
import type { Volumes } from '@/host/volumes/volumes'
import type { Config } from '@/platform/config'
import type { Logger } from '@/platform/logger'
import { imagePort, storedReports, type FetchUpload } from './adapters/images'
import { Machines } from './adapters/machines'
import { attachment, networkPort } from './adapters/network'
import { systemClock } from './clock'
import { findDiskProblem } from './data-folder'
import { DiskWatch } from './disk-watch'
import { keepCollecting } from './keep-collecting'
import { Networks, restoreNetworks } from './networks'
import { externalProblem, findExternal, type FoundExternal, type OpenExternal } from './open-external'
import { PodSet } from './pod-set'
import { PodWorker } from './pod-worker'
import { PrePulls } from './pre-pulls'
import { RoutedGuests } from './routed-guests'
import { StartGate } from './start-gate'
import type { StartPorts } from './start-machine'
import { killStrayProcesses } from './stray-processes'
import { UidPool } from './uid-pool'
import { openVolumes } from './open-volumes'

/** Memory limits of most first pods: none, and the one that the console's form begins with. */
const commonLimits = [{}, { memory: '128Mi' }]

/** How often images are compared with their bound: the disk is also filled by others. */
const collectEveryMs = 60_000

/** How long steps of volumes that are under way are waited for at the end. */
const closeVolumesMs = 20_000

/** How long a new guest image may take to boot before it is refused. */
const trialMs = 120_000

/** The sizes of which templates are made ahead. */
export const commonSizes = () => commonLimits.map((limits) => podSize(podSpec.parse({ containers: [{ name: 'main', image: 'any', resources: { limits } }] })))

/** Makes the templates of common sizes one after the other, so that the first pod need not wait for a boot. */
async function prepareTemplates(templates: TemplateStore): Promise<void> {
  for (const size of commonSizes()) await templates.prepare(size)
}

export type HostSettings = Pick<Config, 'defaultRegistry' | 'insecureRegistries' | 'accelerator' | 'templates' | 'concurrentStarts' | 'tbSizeMiB'> & Partial<Pick<Config, 'registryMirrors' | 'privateRegistries' | 'imageCacheBytes' | 'templateMaxAgeMs' | 'dnsUpstream' | 'volumesFolder'>> & {
  /** All that the host keeps. */
  folder: string
  guest: Partial<Config['guest']>
  /** Tells this host's kernel objects from those of another on the machine. */
  hostTag: string
  /** What pods' downward fields call this host. */
  hostName?: string
  /** Size of each pod's scratch disk; by default the hypervisor's. */
  scratchBytes?: number
  /** Puts something between pods' workers and the host's parts, such as faults. */
  wrapPorts?: (ports: StartPorts) => StartPorts
  log: Logger
}

/** A host whose parts are open and whose pods of an earlier run are taken up. `external`: null where it can answer for nothing of the outside. */
export type OpenHost = { pods: PodSet; external: OpenExternal | null; volumes: Volumes; networks: Networks; serviceCounters: HostNetwork['serviceCounters']; logs: LogStore; images: ImageStore; prePulls: PrePulls; uploads: { fetch: FetchUpload | null }; acceleratorChoice: AcceleratorChoice; cgroups: CgroupSupport; qemuVersion: string; guestImage: () => GuestImage; close: () => Promise<void> }

/**
 * Opens the host's stores, removes what no ledger entry speaks of, and takes up the pods of the ledger. Throws with what to
 * do where this machine lacks something.
 */
export async function openHost(settings: HostSettings, signal: AbortSignal): Promise<OpenHost> {
  const { log, folder } = settings
  const folders = await makeFolders(folder)
  const vmUids = new UidPool(settings.hostTag)
  const disk = new DiskWatch({ find: () => findDiskProblem(folder), clock: systemClock, log, tell: (...event) => pods.tell(...event) })
  const ledger = await Ledger.open(folders.ledger, {
    failed: (pod, error) => {
      log.error({ pod, err: error }, 'the ledger could not be written; it is tried again')
      void disk.look()
    },
    recovered: () => log.warn({}, 'all of the ledger is written again'),
  })
  const { entries, broken } = await ledger.load()
  if (broken.length > 0) log.error({ broken }, 'entries of the ledger cannot be read and are kept aside; the VMs of their pods are ended, and the pods start anew')
  for (const entry of entries) vmUids.reserve(entry.vmUid)

  const network = new HostNetwork({ hostTag: settings.hostTag, uidRange: vmUids.range, resolverUids })
  const guests = new RoutedGuests({ wanted: () => network.floating.routed(), log })
  const logs = new LogStore(folders.logs)
  const known = await NetworkObjects.open(folders.networks, log)
  restoreNetworks(known, network, log)
  const noExternal = await externalProblem()
  if (noExternal !== null) log.warn(`this host answers for no floating addresses and runs no balancers: ${noExternal}`)
  const found = noExternal === null ? await findExternal({ hostTag: settings.hostTag, folders, network, guests, log }) : null
  const strays = await removeLeftovers(settings, { entries, vmUids, network, logs, podsFolder: folders.pods, found })

  const { kernel, initramfs, version, pointer } = settings.guest
  const guestImages = await GuestImages.open({ pointer, given: kernel && initramfs && version ? { kernel, initramfs, version } : undefined, folder, hostTag: settings.hostTag, log })
  const { hypervisor, acceleratorChoice } = await openHypervisor(settings, guestImages.current, folders.templates, vmUids.serviceUid, signal)
  log.info({ reason: acceleratorChoice.reason }, 'accelerator')
  const { support, parents } = hypervisor.cgroups
  if (support.missing.length > 0) log.warn(support, `pods' VMs are not limited in ${support.missing.join(', ')}: one that was broken into can take all of this machine`)
  putJailsInGroups(hypervisor.cgroups, await sweepGroups(parents))
  const external = (await found?.open()) ?? null
  let taken: PodSet | null = null
  const tellPod: ResolversOptions['tell'] = (podUid, { type, reason, message }) => {
    const worker = taken?.worker(podUid) ?? null
    worker?.tell(type, reason, message)
    return worker !== null
  }
  const resolved = entries.filter(({ stage, assignment }) => stage === 'up' && assignment.network.domain)
  const resolvers = await Resolvers.open({ folder: folders.dns, upstream: settings.dnsUpstream ?? [], log, tell: tellPod }, resolved.map(({ assignment: { uid, network: { id, number } } }) => ({ uid, networkId: id, namespace: namespaceName(settings.hostTag, number) })), known.complete())
  const templates = new TemplateStore({ dir: folders.templates, settings: hypervisor, sharing: settings.templates, log })
  const scratch = new ScratchDisks(folders.scratch, hypervisor.scratchBytes)
  let ahead: PrePulls | null = null
  const images = await ImageStore.open({
    dir: folders.images,
    defaultRegistry: settings.defaultRegistry,
    insecureRegistries: settings.insecureRegistries,
    privateRegistries: settings.privateRegistries ?? 'all',
    mirrors: settings.registryMirrors ?? [],
    maxCacheBytes: settings.imageCacheBytes ?? Infinity,
    // Until the pods of an earlier run are taken up, the ledger knows what their VMs run.
    inUse: () => taken?.usedImages() ?? { names: [], digests: entries.flatMap((entry) => entry.images.map(({ image }) => image.digest)) },
    onRemoved: (digest) => {
      taken?.imageRemoved(digest)
      ahead?.removed(digest)
    },
    logger: log,
  })
  const [sample] = await Promise.all([ensureSampleImage(images), templates.open(), scratch.prepare()])

  const renewal = new TemplateRenewal(templates, { maxAgeMs: settings.templateMaxAgeMs ?? 24 * 3_600_000, log })
  renewal.start()

  prepareTemplates(templates).catch((error: unknown) => log.warn({ err: error }, 'no template could be made ahead'))

  const storage = new StorageNamespace({ hostTag: settings.hostTag, uids: vmUids.range, log })
  const machines = new Machines({ settings: hypervisor, templates, scratch, podsFolder: folders.pods, storageNamespace: () => storage.enter(), log, onOldGuestEnded: () => void guestImages.look() })
  guestImages.follow({
    tryOut: (image) => bootOnce({ ...hypervisor, guest: { ...image, arguments: guestKernelArguments } }, join(folders.templates, 'trial'), signal),
    use: (image) => {
      hypervisor.guest = { ...image, arguments: guestKernelArguments }
      void renewal.look(true)
    },
    running: () => machines.guestVersions(),
    inMaking: () => templates.guestsInMaking(),
  })
  const nameOf = (reference: string) => images.nameOf(reference)
  const uploads: { fetch: FetchUpload | null } = { fetch: null }
  const pulls = imagePort(images, (image) => pods.imageChanged(image), fetchThrough(uploads))
  const volumes = await openVolumes(settings, entries.map(({ assignment }) => assignment.uid), { fetch: fetchThrough(uploads), images: pulls, tell: (uid, ...event) => pods.worker(uid)?.tell(...event), reach: (networks) => storage.reach(networks) })
  const ports = { volumes: volumes.pods, images: pulls, network: networkPort(network, resolvers, (...pod) => external?.balancers.lost(...pod)), machines, gate: new StartGate(settings.concurrentStarts), clock: systemClock, disk: { problem: () => disk.look() }, guests }
  const workerPorts = settings.wrapPorts?.(ports) ?? ports
  const machineBoot = (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim()
  const pods: PodSet = new PodSet((assignment, found, hooks) => new PodWorker({ ports: workerPorts, machineBoot, vmUids, logs: logs.pod(assignment.uid), ledger, log, hostName: settings.hostName ?? '', ...hooks }, assignment, found), { nameOf, isPrePulled: (tenantId, name) => prePulls.isWanted(tenantId, name) })
  const prePulls: PrePulls = new PrePulls({ images: ports.images, clock: systemClock, nameOf, onProgress: ({ tenantId, reference }, { bytesDone, bytesTotal }) => pods.imageChanged({ tenantId, reference, digest: null, sizeBytes: null, phase: 'Pulling', message: '', bytesDone, bytesTotal }), onTimeout: ({ tenantId, reference }, message) => pods.imageChanged({ tenantId, reference, digest: null, sizeBytes: null, phase: 'Failed', message, bytesDone: 0, bytesTotal: 0 }) })
  ahead = prePulls
  for (const report of storedReports(images)) pods.imageChanged(report)
  log.debug({ sample: sample.reference }, 'sample image')
  pods.adopt(entries, forgottenPods(broken, strays))
  const watching = new AbortController()
  void disk.run(watching.signal)
  taken = pods
  const endCollecting = keepCollecting(images, log, collectEveryMs)
  // A VM whose tap had to be made anew holds a dead one: it is ended, and its pod starts anew.
  const endMending = watchNetworks({ network, log, onLostTaps: (podUids) => void Promise.all(podUids.flatMap((uid) => network.portOf(uid) ?? []).filter(({ balancer }) => !balancer).map(({ runAsUid }) => killStrayProcesses({ first: runAsUid, last: runAsUid }, new Set(), folder))).catch((error: unknown) => log.error({ err: error, pods: podUids }, 'the VMs of pods whose network device was gone could not be ended')) })
  const close = async () => {
    endCollecting()
    await endMending()
    prePulls.end()
    guestImages.end()
    await Promise.all([templates.close(), renewal.end()])
    watching.abort()
    // A store that does not answer holds no agent up: what was begun is taken up by the next one.
    await Promise.race([volumes.close(), delay(closeVolumesMs, undefined, { ref: false })])
    await Promise.all([ledger.close(), known.close(), resolvers.close(), external?.close()])
    await closeGroups(parents)
  }
  return { pods, external, volumes, networks: new Networks({ kept: known, network, resolvers, log }), serviceCounters: () => network.serviceCounters(), logs, images, prePulls, uploads, acceleratorChoice, cgroups: support, qemuVersion: hypervisor.qemu.version, guestImage: () => guestImages.current, close }
}

/** The way to the server, which is there once the host is connected. */
const fetchThrough = (uploads: { fetch: FetchUpload | null }): FetchUpload => {
  return (...request) => (uploads.fetch ? uploads.fetch(...request) : Promise.reject(new Error('no connection to the server')))
}

/** QEMU runs as users of its own and passes through the folders of pods; all else is root's alone. */
async function makeFolders(folder: string) {
  await mkdir(folder, { recursive: true, mode: 0o711 })
  const make = async (name: string, mode: number) => {
    await mkdir(join(folder, name), { recursive: true, mode })
    return join(folder, name)
  }
  return {
    images: await make('images', 0o700),
    templates: await make('templates', 0o711),
    pods: await make('pods', 0o711),
    logs: await make('logs', 0o700),
    ledger: await make('ledger', 0o700),
    networks: await make('networks', 0o700),
    dns: await make('dns', 0o711),
    external: await make('external', 0o700),
    balancers: await make('balancers', 0o711),
    scratch: await make('scratch', 0o700),
  }
}

type Found = { entries: LedgerEntry[]; vmUids: UidPool; network: HostNetwork; logs: LogStore; podsFolder: string; found: FoundExternal | null }

/** The pods whose VMs had to be ended, and why, for their tenants. */
function forgottenPods(broken: readonly BrokenEntry[], strays: readonly string[]): Map<string, string> {
  const found = new Map(strays.map((uid) => [uid, "The pod's host had nothing written down of its virtual machine."]))
  for (const { podUid, cause } of broken) found.set(podUid, `What the pod's host had written down of it cannot be read: ${cause}.`)
  return found
}

/** After a crash: what runs or lies here without an entry goes, and so does a VM whose tap had to be made anew. Returns the pods of the first. */
async function removeLeftovers({ log, folder }: HostSettings, { entries, vmUids, network, logs, podsFolder, found }: Found): Promise<string[]> {
  const up = entries.filter((entry) => entry.stage === 'up')
  const { killed, podUids } = await killStrayProcesses(vmUids.range, new Set(up.map((entry) => entry.vmUid)), folder)
  if (killed > 0) log.warn({ killed }, 'ended VMs that no entry of the ledger speaks of')
  const uids = new Set(entries.map((entry) => entry.assignment.uid))
  for (const name of await readdir(podsFolder)) if (!uids.has(name)) await rm(join(podsFolder, name), { recursive: true, force: true })
  await logs.reconcile(uids)
  const { lostTaps } = await network.reconcile([...up.map(({ assignment, vmUid }) => attachment({ uid: assignment.uid, network: assignment.network, vmUid })), ...found?.attachments ?? []])
  for (const entry of up.filter(({ assignment }) => lostTaps.includes(assignment.uid))) {
    const record = VmRecord.safeParse(entry.vm)
    if (record.success) await removeVm(record.data)
  }
  return podUids
}

/** Boots a VM to its agent's hello and ends it. Rejects with the cause. */
async function bootOnce(settings: HypervisorSettings, folder: string, signal: AbortSignal): Promise<void> {
  try {
    await stopServiceVm(await bootServiceVm(settings, { boot: 'cold', vcpus: 1, memoryMiB: 128, folder, signal: AbortSignal.any([signal, AbortSignal.timeout(trialMs)]) }))
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function openHypervisor(settings: HostSettings, guest: GuestImage, dir: string, serviceUid: number, signal: AbortSignal): Promise<{ hypervisor: HypervisorSettings; acceleratorChoice: AcceleratorChoice }> {
  const [qemu, kvmNode, cgroups] = await Promise.all([findQemu(), prepareKvmNode(join(dir, 'kvm')), openCgroups(`hypernetes-${settings.hostTag}`)])
  const base = {
    qemu,
    kvmNode,
    cgroups,
    serviceUid,
    guest: { ...guest, arguments: guestKernelArguments },
    scratchBytes: settings.scratchBytes ?? defaultScratchBytes,
    maxImageBytes: defaultMaxImageBytes,
    waitForHello: async (socketPath: string, until: AbortSignal) => (await GuestClient.connect(socketPath, { signal: until })).close(),
  }
  const acceleratorChoice = await probeAccelerator({ setting: settings.accelerator, settings: base, tbSizeMiB: settings.tbSizeMiB, dir: join(dir, 'probe'), signal })
  return { hypervisor: { ...base, accelerator: acceleratorChoice.accelerator }, acceleratorChoice }
}
