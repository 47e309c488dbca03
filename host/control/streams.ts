import type { StreamRequest } from '@/contracts/host/v1/streams'
import type { LogStore } from '@/host/logs/log-store'
import type { PodSet } from '@/host/pods/pod-set'
import { StepError } from '@/host/pods/ports'
import type { Logger } from '@/platform/logger'
import { serveAttach } from './attach-stream'
import { serveBalancerLog, type BalancerLogRequest, type ReadBalancerLog } from './balancer-log-stream'
import { serveBalancerServers, type BalancerServersRequest, type ReadBalancerServers } from './balancer-servers-stream'
import { serveCopy } from './copy-stream'
import { serveExec } from './exec-stream'
import { serveFolder } from './folder-stream'
import { serveForward } from './forward-stream'
import { serveLogs } from './logs-stream'
import { serveProbe } from './probe-stream'
import { StreamSocket, streamUrl } from './stream-socket'

/** A browser opens a handful; more at once on one host is a fault or an attack on its memory. */
const maxStreams = 500
/** So that one pod's users cannot take the streams of all others. */
const maxStreamsOfPod = 32
const maxRefusals = 32

/** Dials the streams that the server asks for and serves them from the host's pods. */
export class Streams {
  private open = 0
  private refusals = 0
  private readonly openOfPod = new Map<string, number>()
  constructor(
    private readonly serverUrl: string,
    private readonly pods: PodSet,
    private readonly logs: LogStore,
    private readonly log: Logger,
  ) {}

  serve(path: string, request: StreamRequest): void {
    const { podUid, kind } = request
    this.begin(path, podUid, 'pod', kind, () => this.dial(path, request))
  }

  /** As {@link serve}, of a balancer's access log. */
  serveBalancerLog(path: string, request: BalancerLogRequest, read: ReadBalancerLog): void {
    this.begin(path, request.balancerUid, 'balancer', request.kind, () => serveBalancerLog(streamUrl(this.serverUrl, path), request, read))
  }

  /** As {@link serve}, of a balancer's servers. */
  serveBalancerServers(path: string, request: BalancerServersRequest, read: ReadBalancerServers): void {
    this.begin(path, request.balancerUid, 'balancer', request.kind, () => serveBalancerServers(streamUrl(this.serverUrl, path), request, read))
  }

  private begin(path: string, uid: string, what: 'pod' | 'balancer', kind: string, dial: () => Promise<void>): void {
    const streams = what === 'pod' ? 'terminals, logs, copies and port-forwards' : 'logs and looks at its servers'
    const ofOne = this.openOfPod.get(uid) ?? 0
    if (this.open >= maxStreams) return this.refuse(path, uid, `The host of this ${what} has as many terminals, logs, copies and port-forwards open as it can. Try again in a moment.`)
    if (ofOne >= maxStreamsOfPod) return this.refuse(path, uid, `The ${what} has ${maxStreamsOfPod} ${streams} open, which is the limit. Close some first.`)
    this.open += 1
    this.openOfPod.set(uid, ofOne + 1)
    void dial()
      .catch((error: unknown) => this.log.warn({ err: error, kind, [what]: uid }, 'a stream failed'))
      .finally(() => this.ended(uid))
  }

  /** Tells why there is no stream. Who asks faster than that can be told is left to wait for its time to be over. */
  private refuse(path: string, pod: string, reason: string): void {
    this.log.warn({ pod }, 'too many streams at once')
    if (this.refusals >= maxRefusals) return
    this.refusals += 1
    void StreamSocket.dial(streamUrl(this.serverUrl, path), () => {})
      .then((socket) => socket.finish({ exitCode: null, error: reason }))
      .catch(() => {})
      .finally(() => (this.refusals -= 1))
  }

  private ended(uid: string): void {
    this.open -= 1
    const left = (this.openOfPod.get(uid) ?? 1) - 1
    if (left > 0) this.openOfPod.set(uid, left)
    else this.openOfPod.delete(uid)
  }

  private async dial(path: string, request: StreamRequest): Promise<void> {
    const url = streamUrl(this.serverUrl, path)
    // A host agent that has just begun anew is connected before it has taken up each VM that runs.
    if (request.kind !== 'logs') await this.pods.worker(request.podUid)?.whenTakenUp
    switch (request.kind) {
      case 'exec':
        return serveExec(url, request, (uid, container, exec) => this.pod(uid).exec(container, exec))
      case 'attach':
        return serveAttach(url, request, (uid, container, onOutput) => this.pod(uid).attach(container, onOutput))
      case 'portForward':
        return serveForward(url, request, (uid, port, timeoutMs) => this.pod(uid).openTunnel(port, timeoutMs))
      case 'copy':
        return serveCopy(url, request, (uid, container, archive) => this.pod(uid).archive(container, archive))
      case 'listFolder':
        return serveFolder(url, request, (uid, container, path, limit) => this.pod(uid).folderPages(container, path, limit))
      case 'probe':
        return serveProbe(url, request, (uid, probe) => this.pod(uid).probe(probe))
      case 'logs':
        return serveLogs(url, request, (uid, container, query, signal) => this.logs.read(uid, this.pod(uid).containerName(container), query, signal))
    }
  }

  private pod(uid: string) {
    const worker = this.pods.worker(uid)
    if (!worker) throw new StepError('NotFound', 'The pod is not on this host any more.')
    return worker
  }
}
