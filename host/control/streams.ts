import type { StreamRequest } from '@/contracts/host/v1'
import type { LogStore } from '@/host/logs/log-store'
import { StepError } from '@/host/pods/ports'
import type { PodSet } from '@/host/pods/pod-set'
import type { Logger } from '@/platform/logger'
import { serveExec } from './exec-stream'
import { serveLogs } from './logs-stream'
import { streamUrl } from './stream-socket'

/** A browser opens a handful; more at once on one host is a fault or an attack on its memory. */
const maxStreams = 500
/** So that one pod's users cannot take the streams of all others. */
const maxStreamsOfPod = 32

/** Dials the streams that the server asks for and serves them from the host's pods. */
export class Streams {
  private open = 0
  private readonly openOfPod = new Map<string, number>()
  constructor(
    private readonly serverUrl: string,
    private readonly pods: PodSet,
    private readonly logs: LogStore,
    private readonly log: Logger,
  ) {}

  serve(path: string, request: StreamRequest): void {
    if (this.open >= maxStreams) return this.log.warn('too many streams at once')
    const ofPod = this.openOfPod.get(request.podUid) ?? 0
    if (ofPod >= maxStreamsOfPod) return this.log.warn({ pod: request.podUid }, 'too many streams of a pod at once')
    this.open += 1
    this.openOfPod.set(request.podUid, ofPod + 1)
    void this.dial(path, request)
      .catch((error: unknown) => this.log.warn({ err: error, kind: request.kind, pod: request.podUid }, 'a stream failed'))
      .finally(() => this.ended(request.podUid))
  }

  private ended(uid: string): void {
    this.open -= 1
    const left = (this.openOfPod.get(uid) ?? 1) - 1
    if (left > 0) this.openOfPod.set(uid, left)
    else this.openOfPod.delete(uid)
  }

  private async dial(path: string, request: StreamRequest): Promise<void> {
    const url = streamUrl(this.serverUrl, path)
    if (request.kind === 'exec') {
      return serveExec(url, request, (uid, container, exec) => this.pod(uid).exec(container, exec))
    }
    if (request.kind !== 'logs') throw new StepError('NotSupported', 'This host cannot open such a stream yet.')
    return serveLogs(url, request, (uid, container, query, signal) => this.logs.read(uid, this.container(uid, container), query, signal))
  }

  private pod(uid: string) {
    const worker = this.pods.worker(uid)
    if (!worker) throw new StepError('NotFound', 'The pod is not on this host any more.')
    return worker
  }

  private container(uid: string, container: string | null): string {
    const names = this.pod(uid).spec.containers.map((c) => c.name)
    const name = container ?? names[0] ?? ''
    if (!names.includes(name)) throw new StepError('NotFound', `The pod has no container "${name}". Choose one of: ${names.join(', ')}.`)
    return name
  }
}
