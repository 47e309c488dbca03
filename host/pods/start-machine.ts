import { randomBytes } from 'node:crypto'
import type { Assignment } from '@/contracts/host/v1'
import { imageSerial, scratchSerial } from '@/contracts/guest/v1/machine'
import { asksForOwnMemory } from '@/domain/pod/own-memory'
import { podContainers, pullPolicy } from '@/domain/pod/spec'
import type { ConfigurationObject } from '@/domain/pod/configuration'
import { asksForStorageNetwork } from '@/domain/pod/storage-network'
import type { Clock } from './clock'
import { guestVolumes } from './container-process'
import { hostsFile, resolverFile } from './guest-files'
import { StepError, type AttachedNetwork, type DiskPort, type Guest, type ImagePort, type Machine, type MachinePort, type MountImage, type NetworkPort, type PodIdentity, type PullProgress, type ReadyImage, type SpecVolumes, type VolumePort } from './ports'
import type { RoutedGuests } from './routed-guests'
import type { StartGate } from './start-gate'
import type { StepRecorder } from './step-recorder'

/** Each image and each volume is a disk of the VM, which has no more places for disks. */
const maxDisks = 24

export type StartPorts = { images: ImagePort; network: NetworkPort; machines: MachinePort; gate: StartGate; clock: Clock; disk?: DiskPort; volumes?: VolumePort; guests?: Pick<RoutedGuests, 'serve'> }

/** What tells the pod's worker how far the start is. */
export type StartProgress = {
  recorder: StepRecorder
  pulling: (reference: string, progress: PullProgress) => void
  imagesReady: (images: Map<string, ReadyImage>) => void
  /** Those that its spec names and that outlive it, and whom it waits for. */
  volumes: SpecVolumes
  waits: (reason: string) => void
  /** The Secrets that the pod names in imagePullSecrets. */
  pullSecrets: readonly ConfigurationObject[]
}

/** A VM that is up and set up, before its containers. `leaveGate` is to be called when they were started. */
export type StartedMachine = { machine: Machine; guest: Guest; images: Map<string, ReadyImage>; mount: MountImage; leaveGate: () => void }

/**
 * The hooks of a pod's start, up to a VM whose guest is set up: image, network, disks and template side by side, then
 * VM and guest, bounded by the gate. On failure or abort it throws when nothing of it is under way any more; what was
 * made is undone by {@link undoStart}, which also undoes the start of an earlier run of the agent.
 */
export async function startMachine(ports: StartPorts, assignment: Assignment, pod: PodIdentity, progress: StartProgress, signal: AbortSignal): Promise<StartedMachine> {
  const { recorder } = progress
  const together = new AbortController()
  const either = AbortSignal.any([signal, together.signal])
  const withVolumes = progress.volumes.names.length > 0
  const [images, network, scratch, , { needsStorage }] = await allOrNone(together, [
    recorder.measure('image', () => resolveImages(ports.images, assignment, progress, either)),
    recorder.measure('network', () => ports.network.attach(pod, either)),
    recorder.measure('disks', () => ports.machines.createScratch(pod, either)),
    recorder.measure('template', () => ports.machines.prepareTemplate(pod, either)),
    withVolumes ? recorder.measure('volumes', () => volumesReady(ports, pod, progress, either)) : Promise.resolve({ needsStorage: false }),
  ])
  signal.throwIfAborted()
  const rootImage = images.get(podContainers(assignment.spec)[0]?.spec.image ?? '')
  if (!rootImage) throw new Error('a pod without containers')
  // The wait for a place is no step of its own: in the waterfall what lies between two steps is waiting.
  const leaveGate = await ports.gate.enter(signal)
  let machine: Machine | undefined
  try {
    const started = await recorder.measure('vm', () => ports.machines.start({ pod, network, rootImage: rootImage.file, scratch, storage: needsStorage || asksForStorageNetwork(assignment.annotations), ownMemory: withVolumes || asksForOwnMemory(assignment.annotations) }, signal))
    machine = started
    const { guest, mount } = await recorder.measure('guest', async () => {
      const [connected] = await Promise.all([started.connect(signal), network.ready])
      const mounter = imageMounter(started, connected, images)
      const setup = connected.setup(guestSetup(assignment, network, ports.clock, started.mode))
      // The guest takes requests in their order: the first image need not wait here for the answer to the setup.
      mounter(rootImage).catch(() => {})
      ports.guests?.serve(assignment.uid, connected, true)
      await setup
      return { guest: connected, mount: mounter }
    })
    signal.throwIfAborted()
    ports.volumes?.up(pod.uid, started, guest, false)
    if (withVolumes) await recorder.measure('attach', async () => ports.volumes?.attachAll(pod.uid, progress.volumes, signal))
    signal.throwIfAborted()
    return { machine: started, guest, images, mount, leaveGate }
  } catch (error) {
    leaveGate()
    // The VM's own end explains a guest that does not answer.
    const cause = machine && (await Promise.race([machine.exited, Promise.resolve(null)]))
    throw cause ? new Error(`${error instanceof Error ? error.message : String(error)} (${cause})`, { cause: error }) : error
  }
}

/** Undoes all that a start may have made, in the reverse order. Throws when something of it is left over. */
export async function undoStart(ports: StartPorts, pod: PodIdentity, vmRecord: unknown): Promise<void> {
  await ports.machines.remove(pod, vmRecord)
  ports.volumes?.ended(pod.uid)
  const results = await Promise.allSettled([ports.machines.releaseTemplate(pod), ports.machines.removeScratch(pod), ports.network.detach(pod)])
  const errors = results.flatMap((result) => (result.status === 'rejected' ? [result.reason instanceof Error ? result.reason.message : String(result.reason)] : []))
  if (errors.length > 0) throw new Error(errors.join('; '))
}

function volumesReady({ volumes }: StartPorts, { uid }: PodIdentity, { volumes: named, waits }: StartProgress, signal: AbortSignal): Promise<{ needsStorage: boolean }> {
  if (!volumes) throw new StepError('NoVolumes', "The pod's host keeps no volumes. Re-create the pod on another host.")
  return volumes.ready(uid, named, waits, signal)
}

/** Mounts an image in the guest at its first use: the first one is the root disk, others are plugged in. */
export function imageMounter(machine: Machine, guest: Guest, images: ReadonlyMap<string, ReadyImage>): MountImage {
  const digests = [...new Set([...images.values()].map((image) => image.digest))]
  const mounted = new Map<string, ReturnType<MountImage>>()
  return (image) => {
    const index = digests.indexOf(image.digest)
    const key = imageSerial(index)
    if (guest.images.includes(key)) return Promise.resolve({ key, done: Promise.resolve() })
    const known = mounted.get(key)
    if (known) return known
    const mount = mountOnce(machine, guest, image, index, key)
    mounted.set(key, mount)
    mount.then(({ done }) => done).catch(() => mounted.delete(key))
    return mount
  }
}

async function mountOnce(machine: Machine, guest: Guest, image: ReadyImage, index: number, key: string): ReturnType<MountImage> {
  if (index > 0) await machine.plugImage(key, image.file)
  return { key, done: guest.addImage(key, key) }
}

async function resolveImages(images: ImagePort, assignment: Assignment, progress: StartProgress, signal: AbortSignal): Promise<Map<string, ReadyImage>> {
  const wanted = new Map<string, 'Always' | 'IfNotPresent' | 'Never'>()
  for (const { spec: container } of podContainers(assignment.spec)) if (!wanted.has(container.image) || pullPolicy(container) === 'Always') wanted.set(container.image, pullPolicy(container))
  const ready = await Promise.all([...wanted].map(([reference, policy]) => images.ensure(reference, { tenantId: assignment.tenantId, policy, pullSecrets: progress.pullSecrets, upload: assignment.uploads?.find((one) => one.reference === reference), signal, onProgress: (p) => progress.pulling(reference, p) })))
  // Keyed by what the spec says, which need not be how the store calls the image; the one that starts first stays first: it is the root disk.
  const found = new Map([...wanted.keys()].map((reference, i) => [reference, ready[i]!] as const))
  const count = new Set(ready.map((image) => image.digest)).size
  if (count > maxDisks) throw new StepError('TooManyImages', `The pod's containers use ${count} different images, and one pod has room for ${maxDisks}. Use fewer different images, or split the pod.`)
  const volumes = progress.volumes.names.length
  if (count + volumes > maxDisks) throw new StepError('TooManyDisks', `The pod has ${volumes} volumes and its containers use ${count} different images, and one pod has room for ${maxDisks} of both together. Use fewer, or split the pod.`)
  progress.imagesReady(found)
  return found
}

function guestSetup(assignment: Assignment, network: AttachedNetwork, clock: Clock, mode: Machine['mode']) {
  const { hostname, namespace, spec } = assignment
  const { address, prefixLength, gateway, ipv6 } = assignment.network
  const { domain } = network
  const fullName = spec.subdomain === undefined || domain === null ? null : `${hostname}.${spec.subdomain}.${namespace}.svc.${domain}`
  const { fsGroup, fsGroupChangePolicy, sysctls } = spec.securityContext ?? {}
  return {
    instance: assignment.uid,
    time: clock.now(),
    entropy: randomBytes(64).toString('base64'),
    cloned: mode === 'template',
    hostname,
    machineId: assignment.uid.replaceAll('-', ''),
    hosts: hostsFile({ hostname, fullName }, [address, ...(ipv6 ? [ipv6.address] : [])], spec.hostAliases),
    resolvConf: resolverFile({ servers: network.dns, hostServers: network.hostDns, domain, namespace }, spec),
    network: { mac: network.mac, address, prefixLength, gateway, mtu: network.mtu, ...(ipv6 ? { ipv6: { address: ipv6.address, gateway: ipv6.gateway } } : {}) },
    scratch: { serial: scratchSerial },
    volumes: guestVolumes(spec),
    ...(fsGroup === undefined ? {} : { fsGroup }),
    ...(fsGroupChangePolicy === 'Always' ? { fsGroupAlways: true } : {}),
    ...(sysctls?.length ? { sysctls } : {}),
  }
}

/** Like Promise.all, but aborts the rest at the first failure and settles only when all of it has. */
async function allOrNone<T extends readonly unknown[]>(abort: AbortController, work: { [K in keyof T]: Promise<T[K]> }): Promise<T> {
  const failed: unknown[] = []
  for (const one of work) one.catch((error: unknown) => { failed.push(error); abort.abort(error) })
  await Promise.allSettled(work)
  if (failed.length > 0) throw failed[0]
  return (await Promise.all(work)) as unknown as T
}
