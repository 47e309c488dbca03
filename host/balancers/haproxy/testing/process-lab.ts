import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { vi } from 'vitest'
import { z } from 'zod'
import { defaultOptions, type BalancerListener, type BalancerModel, type BalancerServer } from '@/domain/load-balancer/model'
import type { Certificate } from '../../ports'
import type { HaproxyParts, HaproxyProcess } from '../haproxy'
import { HaproxyRecord, workersOf } from '../process'
import { BalancerLab } from './balancer-lab'
import { ask, type Answer } from './client'
import { httpBackend, listener, tcpBackend } from './models'

/** One HAProxy with two pods that answer `ok`, and one that says what it hears. */
export class ProcessLab {
  readonly servers = new Map<string, BalancerServer[]>()
  readonly certificates = new Map<string, Certificate>()
  readonly plain = listener({ port: 80, defaultBackend: 'web' })
  readonly tcp = listener({ port: 5000, protocol: 'tcp', defaultBackend: 'tcp' })
  onEnd = vi.fn()
  haproxy: HaproxyProcess
  private constructor(readonly lab: BalancerLab, more: Partial<HaproxyParts>) {
    this.haproxy = lab.haproxy(() => this.onEnd(), more)
  }

  static async open(more: Partial<HaproxyParts> = {}): Promise<ProcessLab> {
    const at = new ProcessLab(await BalancerLab.open(), more)
    at.servers.set('web', [await at.pod(), await at.pod()])
    at.servers.set('tcp', [await at.lab.tcpPod((socket) => void socket.pipe(socket))])
    return at
  }

  bring(listeners: BalancerListener[] = [this.plain, this.tcp], rest: Partial<BalancerModel> = {}): Promise<string | null> {
    return this.haproxy.bring({ balancer: this.lab.balancer({ listeners, backends: [httpBackend('web'), tcpBackend('tcp')], options: { ...defaultOptions, drainSeconds: 1 }, ...rest }), servers: this.servers, certificates: this.certificates })
  }

  get folder(): string {
    return join(this.lab.folder, 'balancer')
  }

  get files(): string {
    return join(this.folder, 'memory', 'now')
  }

  /** What it wrote down of the process that runs. Throws where there is none. */
  record(): HaproxyRecord {
    return z.object({ process: HaproxyRecord }).parse(JSON.parse(readFileSync(join(this.folder, 'state.json'), 'utf8'))).process
  }

  async workers(): Promise<Awaited<ReturnType<typeof workersOf>>['workers']> {
    return (await workersOf(this.files)).workers
  }

  web(): Promise<Answer> {
    return ask(this.lab.address, 80)
  }

  pod(answer = 'ok'): ReturnType<BalancerLab['pod']> {
    return this.lab.pod((_, response) => void response.end(answer))
  }
}
