import { randomUUID } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { release } from 'node:os'
import { join } from 'node:path'
import { lockFolder, readHostTag, writeState } from '@/host/control/agent-files'
import { keepControl } from '@/host/control/control'
import { HostIdentity } from '@/host/control/identity'
import { machineFacts } from '@/host/control/machine-facts'
import { Reporter } from '@/host/control/reporter'
import { streamUrl } from '@/host/control/stream-socket'
import { Streams } from '@/host/control/streams'
import { readUpload } from '@/host/control/upload-stream'
import { measuredPods } from '@/host/figures/measured-pods'
import { processCpu, processMemory, readHost } from '@/host/figures/proc'
import { FigureSampler } from '@/host/figures/sampler'
import { outliveFaults } from '@/host/outlive-faults'
import { systemClock } from '@/host/pods/clock'
import { diskProblem, findDiskProblem } from '@/host/pods/data-folder'
import { openHost } from '@/host/pods/open-host'
import { version } from '@/package.json'
import { loadConfig } from '@/platform/config'
import { onSupervisorGone } from '@/platform/lifeline'
import { logger } from '@/platform/logger'

/** A graceful end: at most so long for containers, then for all. */
const graceSeconds = 10
const endWithinMs = 30_000

const log = logger('host')
outliveFaults(process, log)
const config = loadConfig()
const folder = join(config.data, 'host')
const bootId = randomUUID()
const ending = new AbortController()

/** SIGTERM and Ctrl-C stop the VMs, and they come back at the next start; SIGHUP, SIGUSR2 and a supervisor that is gone leave them running for it. */
const requested = new Promise<NodeJS.Signals>((resolve) => {
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGUSR2'] as const) process.on(signal, resolve)
  onSupervisorGone(() => resolve('SIGHUP'))
})

async function open() {
  try {
    const hostTag = await readHostTag(folder)
    await lockFolder(folder, 60_000)
    await rm(join(folder, 'state.json'), { force: true })
    const identity = await HostIdentity.load(config.hostKeyFile)
    return { identity, host: await openHost({ ...config, folder, hostTag, hostName: config.localHost.name, log }, ending.signal) }
  } catch (error) {
    const disk = diskProblem(error) ?? (await findDiskProblem(folder))
    const cause = disk ? `${folder} cannot be written to. ${disk.found} ${disk.action} VMs that run go on meanwhile.` : error instanceof Error ? error.message : String(error)
    log.fatal({ err: error }, `the host agent cannot start: ${cause}`)
    process.exit(1)
  }
}

const { identity, host } = await open()
const { accelerator, reason } = host.acceleratorChoice

const { external } = host
const reporter = new Reporter(bootId, host.pods, undefined, external && { externalReport: (key) => external.external.report(key), externalReports: () => external.external.reports() }, host.volumes)
host.pods.listen(reporter)
host.volumes.listen(reporter)
external?.listen((key) => reporter.externalChanged(key))
const streams = new Streams(config.serverUrl, host.pods, host.logs, log)
const figures = new FigureSampler({ bootId, pods: () => measuredPods(host.pods, (uid, disks) => host.volumes.takeUsage(uid, disks)), host: () => readHost(folder), services: () => host.serviceCounters(), volumes: () => host.volumes.counters.read(), ...(external && { balancers: (at: number) => external.balancers.figures(at) }), processCpu, processMemory, clock: { ...systemClock, now: () => performance.now() }, random: Math.random })
let isLeaving = false
void figures.run(ending.signal).catch((error: unknown) => log.error({ err: error }, 'figures are not measured any more'))
const control = keepControl(
  {
    url: config.serverUrl,
    identity,
    bootId,
    reporter,
    log,
    describe: async () => {
      const { cpus, memoryMiB, diskFreeMiB } = await machineFacts(folder)
      return {
        name: config.localHost.name,
        agentVersion: version,
        hypervisorVersion: host.qemuVersion.slice(0, 128),
        kernelVersion: release().slice(0, 128),
        guestVersion: host.guestImage().version,
        accelerator: accelerator.kind,
        acceleratorReason: reason.slice(0, 1024),
        capacity: { cpus, memoryMiB, diskMiB: diskFreeMiB },
      }
    },
    heartbeat: async () => {
      const { memoryFreeMiB, diskFreeMiB } = await machineFacts(folder)
      const externalLeased = external?.external.leased() ?? null
      return { podsRunning: host.pods.runningCount, memoryFreeMiB, diskFreeMiB, ...(externalLeased !== null && { externalLeased }) }
    },
    hasPod: (uid) => host.pods.report(uid) !== null,
    onDesired: (assignments, prePulls) => {
      // Nothing begins any more that would be left behind.
      if (isLeaving) return
      host.pods.apply(assignments)
      host.prePulls.apply(prePulls)
      host.networks.keep(assignments, [...host.pods.networks(), ...(external?.external.networks() ?? [])])
    },
    onUploads: (locate) => (host.uploads.fetch = async (uploadId, write, until) => readUpload(streamUrl(config.serverUrl, await locate(uploadId)), write, until)),
    onConfiguration: (message) => host.pods.configure(message),
    onNetwork: (message) => host.networks.take(message),
    onVolumes: (message) => (message.kind === 'storeSecrets' ? host.volumes.takeSecrets(message) : host.volumes.take(message)),
    onVolumesBegin: () => host.volumes.beginConnection(),
    ...(external && {
      onExternalBegin: () => external.external.begin(),
      onExternal: (message) => {
        if (message.kind === 'externalObjects') external.external.take(message)
        else if (message.kind === 'certificates') external.external.takeCertificates(message)
        else if (message.kind === 'openBalancerLog') streams.serveBalancerLog(message.url, message, (...log) => external.balancers.log(...log))
        else streams.serveBalancerServers(message.url, message, (uid) => external.balancers.servers(uid))
      },
      onHeard: (askedAt) => external.heard(askedAt),
    }),
    onOpen: (url, request) => streams.serve(url, request),
    onFigures: (send) => figures.attach(send),
    onConnected: () =>
      void writeState(folder, { ready: true, accelerator: accelerator.kind, reason, cgroups: host.cgroups, pid: process.pid, bootId }).catch((error: unknown) => log.error({ err: error }, 'state.json could not be written')),
  },
  ending.signal,
)

const signal = await requested
isLeaving = true
const leave = signal === 'SIGHUP' || signal === 'SIGUSR2'
log.info({ signal }, leave ? 'ending, the VMs run on' : 'ending, stopping the VMs')
await Promise.all(leave ? [host.pods.leave(endWithinMs), external?.leave()] : [host.pods.suspend(graceSeconds, endWithinMs), external?.suspend(endWithinMs)])
await Promise.race([reporter.finish(), new Promise((resolve) => setTimeout(resolve, 1_000))])
ending.abort(new Error('the host agent ends'))
await control
await host.close()
process.exit(0)
